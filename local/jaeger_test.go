package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

// jaegerEnv names Jaeger's program (version 2).
const jaegerEnv = "IDPHOTO_TEST_JAEGER"

// jaeger is a running one, that keeps spans in memory.
type jaeger struct{ otlp, query string }

func startJaeger(t *testing.T) *jaeger {
	t.Helper()
	program := os.Getenv(jaegerEnv)
	if program == "" {
		t.Skipf("no Jaeger: %s is not set", jaegerEnv)
	}
	ports := freePorts(t, 4)
	cmd := exec.CommandContext(t.Context(), program, "--config", "file:../.ci/jaeger.yaml")
	cmd.Env = append(os.Environ(), "OTEL_TRACES_SAMPLER=always_off", "JAEGER_OTLP_PORT="+ports[0], "JAEGER_QUERY_PORT="+ports[1],
		"JAEGER_QUERY_GRPC_PORT="+ports[2], "JAEGER_HEALTH_PORT="+ports[3])
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("Jaeger said:\n%s", log.String())
		}
	})
	j := &jaeger{otlp: "http://127.0.0.1:" + ports[0], query: "http://127.0.0.1:" + ports[1]}
	eventually(t, "Jaeger answers", func() bool {
		resp, err := http.Get(j.query + "/api/services")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return j
}

// freePorts returns ports of the loopback that nobody listens at.
func freePorts(t *testing.T, n int) (ports []string) {
	t.Helper()
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		_, port, _ := net.SplitHostPort(ln.Addr().String())
		ports = append(ports, port)
	}
	return ports
}

// eventually asks, of a program that sends no word, until the answer is yes.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// jaegerSpan is a span as Jaeger's interface has it.
type jaegerSpan struct {
	TraceID, SpanID, OperationName string
	StartTime                      int64 // microseconds
	References                     []struct{ RefType, TraceID, SpanID string }
	Tags                           []struct {
		Key   string
		Value any
	}
	Warnings []string
}

func (s jaegerSpan) tag(key string) string {
	for _, t := range s.Tags {
		if t.Key == key {
			return fmt.Sprint(t.Value)
		}
	}
	return ""
}

// refs are the ids of the parent and of the spans linked to. A parent that is linked to as well is one
// reference to Jaeger, a link; its pages draw a span below its first reference.
func (s jaegerSpan) refs() (parent string, links []string) {
	for i, r := range s.References {
		if i == 0 {
			parent = r.SpanID
		}
		if r.RefType == "FOLLOWS_FROM" {
			links = append(links, r.SpanID)
		}
	}
	return parent, links
}

// search is what an operator does: look for a task's id. It returns the spans of the trace with the
// task's life. Requests about the task (its status) are traces of their own.
func (j *jaeger) search(t *testing.T, task string) []jaegerSpan {
	t.Helper()
	tags, _ := json.Marshal(map[string]string{"idphoto.task.id": task})
	resp, err := http.Get(j.query + "/api/traces?limit=100&lookback=1h&service=idphoto-local&tags=" + url.QueryEscape(string(tags)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var found struct {
		Data []struct{ Spans []jaegerSpan }
	}
	if err := json.NewDecoder(resp.Body).Decode(&found); err != nil {
		t.Fatal(err)
	}
	var life []jaegerSpan
	for _, trace := range found.Data {
		if slices.ContainsFunc(trace.Spans, func(s jaegerSpan) bool { return s.OperationName == "send tasks" }) {
			if life != nil {
				t.Fatal("the task's life is in several traces")
			}
			life = trace.Spans
		}
	}
	return life
}

// drawTree writes the spans below a parent, each with what matters of it, in the order of their start.
// What libraries do within a stage or a request (files, statements) is left out, and so are messages
// that a janitor sends again: how many, and when, is a matter of timing.
func drawTree(spans []jaegerSpan, parent, indent string) (tree string) {
	for _, s := range spans {
		p, links := s.refs()
		again := s.OperationName == "send tasks" && slices.ContainsFunc(spans, func(o jaegerSpan) bool { return o.SpanID == p && o.OperationName == "send tasks" })
		if p != parent || again || strings.HasPrefix(s.OperationName, "gocloud.dev/") {
			continue
		}
		tree += indent + s.OperationName + " " + cmp.Or(s.tag("span.kind"), "internal")
		for _, key := range []string{"idphoto.task.outcome", "idphoto.task.code", "error.type"} {
			if v := s.tag(key); v != "" {
				tree += " " + v
			}
		}
		for _, link := range links {
			i := slices.IndexFunc(spans, func(o jaegerSpan) bool { return o.SpanID == link })
			if i < 0 {
				tree += " -> nothing"
				continue
			}
			tree += " -> " + strings.TrimSuffix(spans[i].OperationName+" "+spans[i].tag("idphoto.task.attempt"), " ")
		}
		tree += "\n" + drawTree(spans, s.SpanID, indent+"  ")
	}
	return tree
}

const stagesTree = `      stage fetch internal
      stage decode internal
      stage detect internal
      stage landmarks internal
      stage matte internal
      stage geometry internal
      stage check internal
      stage compose internal
      stage encode internal
      stage store internal`

const (
	successTree = `POST /api/v1/generate server
  send tasks producer
    process tasks consumer succeeded -> send tasks
` + stagesTree + `
      ack tasks client
`
	rejectionTree = `POST /api/v1/generate server
  send tasks producer
    process tasks consumer rejected no_face -> send tasks
      stage fetch internal
      stage decode internal
      stage detect internal no_face
      ack tasks client
`
	retriedTree = `POST /api/v1/generate server
  send tasks producer
    process tasks consumer retrying unavailable unavailable -> send tasks
` + stagesTree + ` unavailable
      ack tasks client
    process tasks consumer succeeded -> send tasks -> process tasks 1
` + stagesTree + `
      ack tasks client
`
)

// TestATasksLifeIsOneSearchInJaeger compares the spans of three tasks, as Jaeger tells them, with
// the trees that there should be.
func TestATasksLifeIsOneSearchInJaeger(t *testing.T) {
	j := startJaeger(t)
	data := t.TempDir()
	s := serve(t, Config{Data: data, OTLP: j.otlp, Environ: []string{"RETRY_BASE=1s"}})
	ledger, err := sqlledger.Open(t.Context(), "sqlite:"+filepath.Join(data, "ledger.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ledger.Close()

	tasks := make(map[string]string)
	for _, try := range []struct {
		name, want string
		submit     func() string
	}{
		{"success", "SUCCESS", func() string { return s.submit(t, "s17_hopper.jpg", nil) }},
		{"rejection", "FAILURE", func() string { return s.submit(t, "s15_noface_coffee.png", nil) }},
		{"retried", "SUCCESS", func() string { return failOnce(t, s, ledger, data) }},
	} {
		tasks[try.name] = try.submit()
		if end, _ := s.await(t, tasks[try.name]); end.Status != try.want {
			t.Fatalf("the task for %s ended as %+v", try.name, end)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	if err := s.Close(); err != nil { // sends what is left
		t.Fatal(err)
	}
	for name, want := range map[string]string{"success": successTree, "rejection": rejectionTree, "retried": retriedTree} {
		t.Run(name, func(t *testing.T) {
			id := tasks[name]
			eventually(t, "the last acknowledgement is in Jaeger", func() bool {
				return strings.Count(drawTree(j.search(t, id), "", ""), "ack tasks") == strings.Count(want, "ack tasks")
			})
			spans := j.search(t, id)
			slices.SortStableFunc(spans, func(a, b jaegerSpan) int { return cmp.Compare(a.StartTime, b.StartTime) })
			if got := drawTree(spans, "", ""); got != want {
				t.Errorf("the spans are\n%swant\n%s", got, want)
			}
			for _, span := range spans {
				if span.tag("idphoto.task.id") != id || strings.Contains(strings.Join(span.Warnings, " "), "parent") {
					t.Errorf("span %s names task %q, and Jaeger warns %q", span.OperationName, span.tag("idphoto.task.id"), span.Warnings)
				}
			}
		})
	}
}

// failOnce submits a picture whose first attempt cannot store its result: a file is where its folder
// is to be.
func failOnce(t *testing.T, s *Server, ledger queue.Ledger, data string) (id string) {
	t.Helper()
	if err := ledger.PauseLane(t.Context(), queue.Express, "test"); err != nil {
		t.Fatal(err)
	}
	id = s.submit(t, "s01_astronaut.png", nil)
	if err := os.WriteFile(filepath.Join(data, "blobs", filepath.FromSlash(strings.TrimSuffix(queue.ResultPrefix(id, 1), "/"))), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ledger.ResumeLane(t.Context(), queue.Express); err != nil {
		t.Fatal(err)
	}
	return id
}
