package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	_ "modernc.org/sqlite"

	"idphoto/queue"
)

// runtimeAPI is AWS Lambda's side of a function's process: the HTTP interface that the process
// asks for events and answers to. One invocation is under way at a time, as on Lambda.
type runtimeAPI struct {
	events  chan invocation
	answers chan answer
	failed  chan string // the process could not start
}

type invocation struct {
	id     string
	within time.Duration // from when the process takes it, as on Lambda
	event  []byte
}

type answer struct {
	id    string
	body  []byte
	error bool
}

func newRuntimeAPI() *runtimeAPI {
	return &runtimeAPI{events: make(chan invocation), answers: make(chan answer, 1), failed: make(chan string, 1)}
}

func (a *runtimeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const base = "/2018-06-01/runtime/"
	path, ok := strings.CutPrefix(r.URL.Path, base)
	switch {
	case !ok:
		http.NotFound(w, r)
	case r.Method == "GET" && path == "invocation/next":
		a.next(w, r)
	case r.Method == "POST" && path == "init/error":
		body, _ := io.ReadAll(r.Body)
		a.failed <- string(body)
		w.WriteHeader(http.StatusAccepted)
	case r.Method == "POST":
		parts := strings.Split(path, "/") // invocation, id, response or error
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		a.answers <- answer{id: parts[1], body: body, error: parts[2] == "error"}
	default:
		http.NotFound(w, r)
	}
}

// next holds the request until there is an event, as Lambda freezes an idle function.
func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case e := <-a.events:
		h := w.Header()
		h.Set("Lambda-Runtime-Aws-Request-Id", e.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(e.within).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-central-1:123456789012:function:test")
		h.Set("Content-Type", "application/json")
		w.Write(e.event)
	}
}

// invoke hands the process an event that must be answered within the time, and decodes the answer.
func (a *runtimeAPI) invoke(t *testing.T, within time.Duration, event, into any) {
	t.Helper()
	data, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	e := invocation{id: queue.NewID(), within: within, event: data}
	patience := time.After(2 * time.Minute)
	select {
	case a.events <- e:
	case reason := <-a.failed:
		t.Fatalf("the function did not start: %s", reason)
	case <-patience:
		t.Fatal("the function asked for no event")
	}
	select {
	case got := <-a.answers:
		if got.id != e.id || got.error {
			t.Fatalf("answer to %s is for %s, error %v: %s", e.id, got.id, got.error, got.body)
		}
		if err := json.Unmarshal(got.body, into); err != nil {
			t.Fatalf("answer is %q: %v", got.body, err)
		}
	case <-patience:
		t.Fatal("the function gave no answer")
	}
}

// launch starts one function of the binary beside its runtime API. The log goes to the test's log
// when the test fails.
func launch(t *testing.T, binary, function string, environ []string) *runtimeAPI {
	t.Helper()
	a := newRuntimeAPI()
	server := httptest.NewServer(a)
	ctx, stop := context.WithCancel(context.Background())
	var log bytes.Buffer
	process := exec.CommandContext(ctx, binary)
	process.Stderr = &log
	process.Env = append(append(os.Environ(), environ...),
		"FUNCTION="+function, "AWS_LAMBDA_RUNTIME_API="+server.Listener.Addr().String(), "AWS_LAMBDA_FUNCTION_NAME="+function)
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		process.Wait() // killed: its error says so
		server.CloseClientConnections()
		server.Close()
		if t.Failed() {
			t.Logf("log of %s:\n%s", function, &log)
		}
	})
	return a
}

// apiEvent is an API Gateway HTTP API event (payload 2.0), as it comes for method and path.
func apiEvent(method, path, query string, header http.Header, body []byte) events.APIGatewayV2HTTPRequest {
	headers := make(map[string]string)
	for name, values := range header {
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	e := events.APIGatewayV2HTTPRequest{Version: "2.0", RouteKey: "$default", RawPath: path, RawQueryString: query, Headers: headers,
		Body: base64.StdEncoding.EncodeToString(body), IsBase64Encoded: true}
	e.RequestContext.HTTP = events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: method, Path: path, Protocol: "HTTP/1.1", SourceIP: "192.0.2.1"}
	e.RequestContext.DomainName = "api.example"
	e.RequestContext.Stage = "$default"
	return e
}

func bodyOf(t *testing.T, r events.APIGatewayV2HTTPResponse) []byte {
	t.Helper()
	if !r.IsBase64Encoded {
		return []byte(r.Body)
	}
	body, err := base64.StdEncoding.DecodeString(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestOnLambda takes one portrait the whole way through the built binary, with one event of each
// kind, over a ledger and pictures on disk.
func TestOnLambda(t *testing.T) {
	binary := built(t)
	ledger, environ := onDisk(t)

	// Upload: a form in base64.
	form := submission(t, map[string]string{"size": "1-inch", "background": "red"})
	body, _ := io.ReadAll(form.Body)
	form.Header.Set("Accept-Language", "zh-CN,zh;q=0.9")
	upload := launch(t, binary, "upload", environ)
	var resp events.APIGatewayV2HTTPResponse
	upload.invoke(t, 20*time.Second, apiEvent("POST", "/api/v1/generate", "", form.Header, body), &resp)
	var accepted struct {
		TaskID  string `json:"task_id"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(bodyOf(t, resp), &accepted); err != nil || resp.StatusCode != 202 {
		t.Fatalf("upload: answer is %d %s, %v", resp.StatusCode, resp.Body, err)
	}
	if !strings.Contains(accepted.Message, "照片") {
		t.Errorf("upload: message is %q, want Chinese", accepted.Message)
	}
	upload.invoke(t, 20*time.Second, apiEvent("GET", "/api/v1/status/"+accepted.TaskID, "", nil, nil), &resp)
	if resp.StatusCode != 404 || !strings.Contains(resp.Headers["Content-Type"], "problem+json") {
		t.Errorf("upload: what is not its own is answered by %d %v", resp.StatusCode, resp.Headers)
	}

	// Process: while the ledger is busy with another writer, both messages come back; then the task is
	// done, and the unreadable message is kept.
	process := launch(t, binary, "process", environ)
	sqs := events.SQSEvent{Records: []events.SQSMessage{
		{MessageId: "m-task", Body: string(queue.Message{TaskID: accepted.TaskID, Kind: "photo"}.Encode()), EventSource: "aws:sqs"},
		{MessageId: "m-unreadable", Body: "{", EventSource: "aws:sqs"},
	}}
	unlock := lock(t, ledger)
	var batch events.SQSEventResponse
	process.invoke(t, 5*time.Second, sqs, &batch)
	unlock()
	if got := failures(batch); got != "m-task m-unreadable" {
		t.Errorf("process: failures with the ledger locked are %q, want both", got)
	}
	process.invoke(t, time.Minute, sqs, &batch)
	if got := failures(batch); got != "" {
		t.Errorf("process: failures are %q, want none", got)
	}

	// Status: the task, its events and the photo, which comes in base64.
	status := launch(t, binary, "status", environ)
	status.invoke(t, 10*time.Second, apiEvent("GET", "/api/v1/status/"+accepted.TaskID, "", nil, nil), &resp)
	var view struct {
		Status      string `json:"status"`
		DownloadURL string `json:"download_url"`
	}
	if err := json.Unmarshal(bodyOf(t, resp), &view); err != nil || view.Status != "SUCCESS" {
		t.Fatalf("status: answer is %d %s, %v", resp.StatusCode, resp.Body, err)
	}
	status.invoke(t, 10*time.Second, apiEvent("GET", "/api/v1/tasks/"+accepted.TaskID+"/events", "", nil, nil), &resp)
	if resp.StatusCode != 200 || !strings.Contains(string(bodyOf(t, resp)), "event: state") {
		t.Errorf("status: events are %d %s", resp.StatusCode, resp.Body)
	}
	status.invoke(t, 10*time.Second, apiEvent("GET", view.DownloadURL, "part=photo", nil, nil), &resp)
	photo, err := jpeg.Decode(bytes.NewReader(bodyOf(t, resp)))
	if err != nil || resp.StatusCode != 200 || resp.Headers["Content-Type"] != "image/jpeg" {
		t.Fatalf("status: result is %d %v, %v", resp.StatusCode, resp.Headers, err)
	}
	if size := photo.Bounds().Size(); size.X != 295 || size.Y != 413 {
		t.Errorf("status: the photo is %v, want 295x413", size)
	}

	// Janitor: a timer's event.
	janitor := launch(t, binary, "janitor", environ)
	var nothing any
	janitor.invoke(t, 10*time.Second, events.EventBridgeEvent{Source: "aws.events", DetailType: "Scheduled Event", Detail: json.RawMessage("{}")}, &nothing)
}

func failures(r events.SQSEventResponse) string {
	var ids []string
	for _, f := range r.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	return strings.Join(ids, " ")
}

// lock keeps every other process from writing to the SQLite file until unlock is called.
func lock(t *testing.T, file string) (unlock func()) {
	t.Helper()
	db, err := sql.Open("sqlite", fmt.Sprintf("file:%s?_txlock=immediate", file))
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		tx.Rollback()
		db.Close()
	}
}
