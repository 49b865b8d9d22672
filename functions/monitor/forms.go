package monitor

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"idphoto/functions/api"
	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// values are what an action was told: a form's fields or a JSON object's members.
type values map[string]string

// page answers with a view as HTML.
func (m *Monitor) page(v view) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		model, err := v.model(m, r)
		if err != nil {
			return m.failed(w, r, err)
		}
		return m.shell.render(w, r, http.StatusOK, v.page, model)
	}
}

// json answers with a view's model.
func (m *Monitor) json(v view) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		model, err := v.model(m, r)
		if err != nil {
			return known(err)
		}
		return api.JSON(w, http.StatusOK, model)
	}
}

// failed shows an error as a page, with the same sentence and status as the interface gives.
func (m *Monitor) failed(w http.ResponseWriter, r *http.Request, err error) error {
	err = known(err)
	problem.Note(r, err)
	e := problem.Of(err)
	entry, _ := problem.Lookup(e.Code)
	return m.shell.render(w, r, entry.Status, "problem", problem.Body(e.Code, e.Detail, languageOf(r)))
}

// known gives the ledger's errors their codes. An error it does not name means that it is away.
func known(err error) error {
	var coded *fault.Error
	switch {
	case err == nil, errors.As(err, &coded):
		return err
	case errors.Is(err, queue.ErrNotFound):
		return fault.New(problem.NotFound, err)
	case errors.Is(err, queue.ErrFinal), errors.Is(err, queue.ErrNotRequeued):
		return fault.New(problem.AlreadyFinal, err)
	case errors.Is(err, queue.ErrNotHeld):
		return fault.New(problem.NotHeld, err)
	}
	return problem.LedgerDown(err)
}

// form does an action for a page: it answers with a redirect, so that reloading repeats nothing,
// unless there is something to be shown once.
func (m *Monitor) form(a action) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := r.ParseForm(); err != nil {
			return m.failed(w, r, fault.New(problem.BadRequest, err))
		}
		in := values{}
		for name, v := range r.PostForm {
			in[name] = strings.Join(v, ",")
		}
		done, err := m.act(a, r, in)
		if err != nil {
			return m.failed(w, r, err)
		}
		if done.Page != "" {
			return m.shell.render(w, r, http.StatusOK, done.Page, done.Body)
		}
		next := done.Next
		if next == "" {
			next = back(in["back"])
		}
		m.shell.setFlash(w, done)
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
}

// call does an action for a program.
func (m *Monitor) call(a action) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		in := values{}
		if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/json" {
			var members map[string]any
			body := json.NewDecoder(r.Body)
			body.UseNumber() // a million stays 1000000
			if err := body.Decode(&members); err != nil {
				return fault.New(problem.BadRequest, err)
			}
			for name, v := range members {
				in[name] = fmt.Sprint(v)
			}
		} else if r.ContentLength != 0 {
			return fault.New(problem.UnsupportedMedia, nil)
		}
		done, err := m.act(a, r, in)
		if err != nil {
			return known(err)
		}
		return api.JSON(w, http.StatusOK, done)
	}
}

// act does it and writes it to the audit log: who, what, on what, how many. What failed is not
// there, what changed nothing is.
func (m *Monitor) act(a action, r *http.Request, in values) (outcome, error) {
	done, err := a.do(m, r, in)
	if err != nil {
		return outcome{}, err
	}
	return done, m.record(r, done.Audit, done.Target, done.Count)
}

// record writes to the audit log.
func (m *Monitor) record(r *http.Request, what, target string, count int64) error {
	err := m.ledger.Record(r.Context(), queue.AuditEntry{Actor: auth.From(r.Context()).Name, Action: what, Target: target, Count: count})
	if err != nil {
		return fmt.Errorf("writing the audit log: %w", err)
	}
	return nil
}

// back keeps redirects inside the console, whatever a form says.
func back(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(path.Clean(u.Path)+"/", Base+"/") || u.Path == Base {
		return Base + "/"
	}
	return u.RequestURI()
}

const flashCookie = "monitor_done"

// setFlash has the next page say what was done.
func (s *shell) setFlash(w http.ResponseWriter, done outcome) {
	http.SetCookie(w, &http.Cookie{Name: flashCookie, Value: url.QueryEscape(done.Message + " " + strconv.FormatInt(done.Count, 10)),
		Path: Base, MaxAge: 30, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// flash returns the sentence about the action that led here, once.
func (s *shell) flash(w http.ResponseWriter, r *http.Request, lang problem.Language) string {
	c, err := r.Cookie(flashCookie)
	if err != nil {
		return ""
	}
	http.SetCookie(w, &http.Cookie{Name: flashCookie, Path: Base, MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	value, err := url.QueryUnescape(c.Value)
	if err != nil {
		return ""
	}
	message, count, _ := strings.Cut(value, " ")
	done, err := s.text(lang, "done."+message, "n", count)
	if err != nil {
		return "" // a cookie that we did not write
	}
	return done
}
