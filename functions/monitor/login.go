package monitor

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// Where people sign in, and where an OpenID provider sends them back to.
const (
	LoginPath  = Base + "/login"
	OpenIDBack = Base + "/login/openid/back"
)

// logins are the routes of signing in and out: they answer strangers.
var logins = []raw{
	{"GET", LoginPath, auth.Anyone, (*Monitor).loginPage},
	{"POST", LoginPath, auth.Anyone, (*Monitor).login},
	{"POST", Base + "/logout", auth.Anyone, (*Monitor).logout},
	{"GET", Base + "/login/openid", auth.Anyone, (*Monitor).openID},
	{"GET", OpenIDBack, auth.Anyone, (*Monitor).openIDBack},
}

// AuditTo returns what writes sign-ins to the ledger's audit log.
func AuditTo(ledger queue.Operation) auth.Audit {
	return func(ctx context.Context, e auth.Event) error {
		return ledger.Record(ctx, queue.AuditEntry{Actor: e.Actor, Action: e.Action, Target: e.Target, Count: 1})
	}
}

// login is the model of the page.
type login struct {
	Next   string
	Name   string        // as typed before
	OpenID string        // page to go to instead; empty without a provider
	Refuse *problem.Text // why the last attempt failed
}

func (m *Monitor) newLogin(next string) login {
	l := login{Next: back(next)}
	if m.opts.Guard.HasOIDC() {
		l.OpenID = Base + "/login/openid?next=" + url.QueryEscape(l.Next)
	}
	return l
}

// guard reports whether people can sign in at all.
func (m *Monitor) guard() (*auth.Guard, error) {
	if m.opts.Guard == nil {
		return nil, fault.New(problem.NotFound, nil)
	}
	return m.opts.Guard, nil
}

// loginPage asks for name and password. Who has signed in already goes on.
func (m *Monitor) loginPage(w http.ResponseWriter, r *http.Request) error {
	if _, err := m.guard(); err != nil {
		return m.failed(w, r, err)
	}
	next := r.URL.Query().Get("next")
	if auth.From(r.Context()).By == auth.BySession {
		http.Redirect(w, r, back(next), http.StatusSeeOther)
		return nil
	}
	return m.shell.render(w, r, http.StatusOK, "login", m.newLogin(next))
}

func (m *Monitor) login(w http.ResponseWriter, r *http.Request) error {
	g, err := m.guard()
	if err != nil {
		return m.failed(w, r, err)
	}
	if err := r.ParseForm(); err != nil {
		return m.failed(w, r, fault.New(problem.BadRequest, err))
	}
	page := m.newLogin(r.PostForm.Get("next"))
	page.Name = r.PostForm.Get("name")
	if err := g.SignIn(w, r, page.Name, r.PostForm.Get("password")); err != nil {
		return m.refused(w, r, page, err)
	}
	http.Redirect(w, r, page.Next, http.StatusSeeOther)
	return nil
}

// refused shows the page again, with the reason where it is one that the reader can do something
// about.
func (m *Monitor) refused(w http.ResponseWriter, r *http.Request, page login, err error) error {
	err = authFault(err)
	e := problem.Of(err)
	if e.Code != problem.SignInFailed && e.Code != problem.RateLimited {
		return m.failed(w, r, err)
	}
	problem.Note(r, err)
	entry, _ := problem.Lookup(e.Code)
	text := problem.Explain(e.Code, e.Detail, languageOf(r))
	page.Refuse = &text
	if seconds, ok := e.Detail["retry_after"].(int); ok {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	return m.shell.render(w, r, entry.Status, "login", page)
}

func (m *Monitor) logout(w http.ResponseWriter, r *http.Request) error {
	g, err := m.guard()
	if err == nil {
		err = authFault(g.SignOut(w, r))
	}
	if err != nil {
		return m.failed(w, r, err)
	}
	http.Redirect(w, r, LoginPath, http.StatusSeeOther)
	return nil
}

// openID sends the browser to the provider.
func (m *Monitor) openID(w http.ResponseWriter, r *http.Request) error {
	g, err := m.guard()
	switch {
	case err != nil:
		return m.failed(w, r, err)
	case !g.HasOIDC():
		return m.failed(w, r, fault.New(problem.NotFound, nil))
	}
	page, err := g.BeginOIDC(w, r, back(r.URL.Query().Get("next")))
	if err != nil {
		return m.failed(w, r, authFault(err))
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, page, http.StatusSeeOther)
	return nil
}

// openIDBack is where the provider sends the browser afterwards.
func (m *Monitor) openIDBack(w http.ResponseWriter, r *http.Request) error {
	g, err := m.guard()
	switch {
	case err != nil:
		return m.failed(w, r, err)
	case !g.HasOIDC():
		return m.failed(w, r, fault.New(problem.NotFound, nil))
	}
	next, err := g.FinishOIDC(w, r)
	if err != nil {
		return m.refused(w, r, m.newLogin(""), err)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, back(next), http.StatusSeeOther)
	return nil
}

// authFaults are the codes of package auth's errors.
var authFaults = []struct {
	err  error
	code string
}{
	{auth.ErrCredentials, problem.SignInFailed},
	{auth.ErrCrossSite, problem.Forbidden},
	{auth.ErrPassword, problem.WeakPassword},
	{auth.ErrName, problem.BadName},
	{auth.ErrKeyName, problem.BadName},
	{auth.ErrTaken, problem.NameTaken},
	{auth.ErrLastAdmin, problem.LastAdmin},
	{auth.ErrForeign, problem.ForeignPerson},
	{auth.ErrNotFound, problem.NotFound},
}

// authFault gives package auth's errors their codes; what it does not know stays as it is.
func authFault(err error) error {
	if locked, ok := errors.AsType[*auth.LockedError](err); ok {
		return fault.New(problem.RateLimited, err, "retry_after", int(math.Ceil(locked.Wait.Round(time.Millisecond).Seconds())))
	}
	if errors.Is(err, auth.ErrProvider) {
		return problem.Unavailable("openid", err)
	}
	if errors.Is(err, auth.ErrRole) {
		return fault.New(problem.BadOption, err, "field", "role")
	}
	for _, known := range authFaults {
		if errors.Is(err, known.err) {
			return fault.New(known.code, err)
		}
	}
	return err
}
