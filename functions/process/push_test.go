package process

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"idphoto/functions/api"
	"idphoto/queue"
)

const token = "open sesame"

// pushTo returns a server of the push routes. Its worker notes what it is given.
func pushTo(worker Processor, o PushOptions) http.Handler {
	o.Token, o.Log = token, slog.New(slog.DiscardHandler)
	return api.New(api.Options{Log: o.Log}, PushRoutes(worker, o)...)
}

func post(h http.Handler, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// noting is a worker that keeps the bodies it was given, and fails for those that say so.
type noting struct {
	mu     sync.Mutex
	bodies []string
}

func (n *noting) Process(_ context.Context, body []byte) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.bodies = append(n.bodies, string(body))
	if strings.Contains(string(body), "ledger is away") {
		return errors.New("away")
	}
	return nil
}

func wrapped(body string) string {
	return fmt.Sprintf(`{"message":{"data":%q,"messageId":"1","attributes":{"a":"b"}},"subscription":"projects/p/subscriptions/s"}`,
		base64.StdEncoding.EncodeToString([]byte(body)))
}

func TestPushedMessagesReachTheWorker(t *testing.T) {
	for name, tc := range map[string]struct {
		path, body string
		status     int
		want       []string
	}{
		"pub/sub":               {"/push/pubsub", wrapped(`{"task_id":"1"}`), 204, []string{`{"task_id":"1"}`}},
		"ledger away":           {"/push/pubsub", wrapped("ledger is away"), 503, []string{"ledger is away"}},
		"unreadable inside":     {"/push/pubsub", wrapped("\xff"), 204, []string{"\xff"}},
		"nothing inside":        {"/push/pubsub", `{"message":{"attributes":{"a":"b"}}}`, 204, []string{""}},
		"no envelope":           {"/push/pubsub", `{"task_id":"1"}`, 400, nil},
		"no JSON":               {"/push/pubsub", "\x00", 400, nil},
		"no base64":             {"/push/pubsub", `{"message":{"data":"*"}}`, 400, nil},
		"empty":                 {"/push/pubsub", "", 400, nil},
		"too large":             {"/push/pubsub", wrapped(strings.Repeat("x", 64<<10)), 413, nil},
		"event grid":            {"/push/eventgrid", `[{"eventType":"task","data":{"task_id":"1"}},{"eventType":"task","data":{"task_id":"2"}}]`, 204, []string{`{"task_id":"1"}`, `{"task_id":"2"}`}},
		"one of two fails":      {"/push/eventgrid", `[{"eventType":"task","data":"ledger is away"},{"eventType":"task","data":"ok"}]`, 503, []string{"ledger is away", "ok"}},
		"cloud event":           {"/push/eventgrid", `{"specversion":"1.0","type":"task","data":{"task_id":"1"}}`, 204, []string{`{"task_id":"1"}`}},
		"cloud event as text":   {"/push/eventgrid", `{"specversion":"1.0","type":"task","data":"{\"task_id\":\"1\"}"}`, 204, []string{`{"task_id":"1"}`}},
		"cloud event in base64": {"/push/eventgrid", `{"specversion":"1.0","type":"task","data_base64":"eyJ9"}`, 204, []string{`{"}`}},
		"no event":              {"/push/eventgrid", `[]`, 400, nil},
		"no type":               {"/push/eventgrid", `[{"data":{"task_id":"1"}}]`, 400, nil},
		"events cut short":      {"/push/eventgrid", `[{"eventType":"task"`, 400, nil},
	} {
		t.Run(name, func(t *testing.T) {
			worker := &noting{}
			w := post(pushTo(worker, PushOptions{Slots: 2}), tc.path, tc.body, "Authorization", "Bearer "+token)
			slices.Sort(worker.bodies)
			if w.Code != tc.status || !slices.Equal(worker.bodies, tc.want) {
				t.Errorf("answer is %d %s, the worker got %q; want %d, %q", w.Code, w.Body, worker.bodies, tc.status, tc.want)
			}
			if tc.status == 503 && w.Header().Get("Retry-After") == "" {
				t.Error("the answer does not say when to try again")
			}
		})
	}
}

func TestOnlyWhoKnowsTheTokenMayPush(t *testing.T) {
	for name, tc := range map[string]struct {
		query, authorization string
		status               int
	}{
		"bearer":              {"", "Bearer " + token, 204},
		"in the address":      {"?token=open+sesame", "", 204},
		"beside an identity":  {"?token=open+sesame", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln", 204},
		"none":                {"", "", 401},
		"empty":               {"?token=", "Bearer ", 401},
		"another":             {"?token=open", "Bearer open", 401},
		"an identity alone":   {"", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln", 401},
		"of another scheme":   {"", "Basic " + token, 401},
		"the second of two":   {"?token=wrong&token=open+sesame", "", 401},
		"with more behind it": {"", "Bearer " + token + "s", 401},
	} {
		t.Run(name, func(t *testing.T) {
			worker := &noting{}
			h := pushTo(worker, PushOptions{})
			for path, body := range map[string]string{"/push/pubsub": wrapped("m"), "/push/eventgrid": `[{"eventType":"task","data":"m"}]`} {
				if w := post(h, path+tc.query, body, "Authorization", tc.authorization); w.Code != tc.status {
					t.Errorf("%s is answered by %d %s, want %d", path, w.Code, w.Body, tc.status)
				}
			}
			if allowed := tc.status == 204; allowed != (len(worker.bodies) == 2) {
				t.Errorf("the worker got %q", worker.bodies)
			}
		})
	}
}

func TestWithoutATokenNothingCanBePushed(t *testing.T) {
	if routes := PushRoutes(&noting{}, PushOptions{}); len(routes) > 0 {
		t.Errorf("there are %d routes", len(routes))
	}
}

func TestEventGridHearsThatItMaySend(t *testing.T) {
	worker := &noting{}
	h := pushTo(worker, PushOptions{})
	question := `[{"id":"1","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":{"validationCode":"512d38b6","validationUrl":"https://x"}}]`
	if w := post(h, "/push/eventgrid?token=open+sesame", question); w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"validationResponse":"512d38b6"}` {
		t.Errorf("answer is %d %s", w.Code, w.Body)
	}
	if w := post(h, "/push/eventgrid", question); w.Code != 401 {
		t.Errorf("a stranger is answered by %d", w.Code)
	}
	r := httptest.NewRequest(http.MethodOptions, "/push/eventgrid?token=open+sesame", nil)
	r.Header.Set("WebHook-Request-Origin", "eventgrid.azure.net")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 200 || w.Header().Get("WebHook-Allowed-Origin") != "eventgrid.azure.net" {
		t.Errorf("answer is %d, allowed is %q", w.Code, w.Header().Get("WebHook-Allowed-Origin"))
	}
	if len(worker.bodies) > 0 {
		t.Errorf("the worker got %q", worker.bodies)
	}
}

func TestAFullHouseSendsPushedMessagesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		finish := make(chan struct{})
		h := pushTo(processor(func(context.Context, []byte) error { <-finish; return nil }), PushOptions{Slots: 1})
		first := make(chan int)
		go func() { first <- post(h, "/push/pubsub?token=open+sesame", wrapped("1")).Code }()
		synctest.Wait()
		if w := post(h, "/push/pubsub?token=open+sesame", wrapped("2")); w.Code != 503 || !strings.Contains(w.Body.String(), `"busy"`) {
			t.Errorf("the second is answered by %d %s", w.Code, w.Body)
		}
		close(finish)
		if code := <-first; code != 204 {
			t.Errorf("the first is answered by %d", code)
		}
	})
}

// TestPushedWorkOutlivesItsSender: else a task that takes longer than the sender's patience would
// be handed back for ever.
func TestPushedWorkOutlivesItsSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, ended := make(chan struct{}), make(chan error, 1)
		h := pushTo(processor(func(ctx context.Context, _ []byte) error {
			close(begun)
			select {
			case <-ctx.Done():
			case <-time.After(time.Minute):
			}
			ended <- ctx.Err()
			return nil
		}), PushOptions{})
		ctx, leave := context.WithCancel(t.Context())
		r := httptest.NewRequest(http.MethodPost, "/push/pubsub?token=open+sesame", strings.NewReader(wrapped("m"))).WithContext(ctx)
		go h.ServeHTTP(httptest.NewRecorder(), r)
		<-begun
		leave()
		if err := <-ended; err != nil {
			t.Errorf("the work ended with %v", err)
		}
	})
}

func TestPushedWorkIsHandedBackWhenTheGraceTimeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop, began := make(chan struct{}), time.Now()
		h := pushTo(processor(func(ctx context.Context, _ []byte) error {
			close(stop)
			<-ctx.Done()
			return nil
		}), PushOptions{Stop: stop, Grace: 20 * time.Second})
		w := post(h, "/push/pubsub?token=open+sesame", wrapped("m"))
		if took := time.Since(began); w.Code != 204 || took != 20*time.Second-recordWithin {
			t.Errorf("answered by %d after %v", w.Code, took)
		}
	})
}

// TestAPushedTaskBecomesAPhoto has the real worker do it, and record what nobody can read.
func TestAPushedTaskBecomesAPhoto(t *testing.T) {
	s := start(t, photos)
	id, message := s.submit(t)
	h := pushTo(s.worker, PushOptions{Slots: 1})
	for range 2 { // the second changes nothing
		if w := post(h, "/push/pubsub?token=open+sesame", wrapped(string(message))); w.Code != 204 {
			t.Fatalf("answer is %d %s", w.Code, w.Body)
		}
	}
	if task := s.task(t, id); task.State != queue.Succeeded || task.Attempts != 1 {
		t.Errorf("task is %s after %d attempts", task.State, task.Attempts)
	}
	if w := post(h, "/push/pubsub?token=open+sesame", wrapped("no message")); w.Code != 204 {
		t.Errorf("an unreadable one is answered by %d", w.Code)
	}
	counts, err := s.ledger.Counts(t.Context())
	if err != nil || counts[queue.Dead] != 1 {
		t.Errorf("counts are %v, %v", counts, err)
	}
}
