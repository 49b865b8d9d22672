package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"idphoto/infra/auth"
)

// TestMonitorOnLambda signs in and looks, with one event for each request, behind a gateway that does
// TLS.
func TestMonitorOnLambda(t *testing.T) {
	binary := built(t)
	_, environ := onDisk(t)
	const password = "correct horse battery"
	hash, err := auth.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	monitor := launch(t, binary, "monitor", append(environ, "ADMIN_PASSWORD_HASH="+hash))
	ask := func(method, path string, header http.Header, body string) (resp events.APIGatewayV2HTTPResponse) {
		monitor.invoke(t, 20*time.Second, apiEvent(method, path, "", header, []byte(body)), &resp)
		return resp
	}
	if resp := ask("GET", "/monitor/", http.Header{"Accept": {"text/html"}}, ""); resp.StatusCode != 303 || !strings.HasPrefix(resp.Headers["Location"], "/monitor/login?") {
		t.Errorf("a stranger gets %d, to %q", resp.StatusCode, resp.Headers["Location"])
	}
	form := url.Values{"name": {"admin"}, "password": {password}}.Encode()
	resp := ask("POST", "/monitor/login", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form)
	if resp.StatusCode != 303 || len(resp.Cookies) != 1 || !strings.HasPrefix(resp.Cookies[0], "__Host-idphoto=") {
		t.Fatalf("signing in: %d, cookies %q", resp.StatusCode, resp.Cookies)
	}
	session, _, _ := strings.Cut(resp.Cookies[0], ";")
	var overview map[string]any
	resp = ask("GET", "/api/v1/monitor/overview", http.Header{"Cookie": {session}}, "")
	if err := json.Unmarshal(bodyOf(t, resp), &overview); err != nil || resp.StatusCode != 200 {
		t.Errorf("the overview: %d, %v", resp.StatusCode, err)
	}
	resp = ask("GET", "/monitor/live", http.Header{"Cookie": {session}}, "")
	if resp.StatusCode != 200 || !strings.Contains(string(bodyOf(t, resp)), "event: alone") {
		t.Errorf("an event stream: %d %s", resp.StatusCode, bodyOf(t, resp))
	}
}
