package monitor

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"idphoto/functions/problem"
)

// Cookies that a page's reader chooses by: the language by a link, the time zone by the script.
const (
	langCookie = "lang"
	zoneCookie = "zone"
)

// reader is for whom a page is rendered.
type reader struct {
	lang problem.Language
	zone *time.Location
	now  time.Time
}

func readerOf(r *http.Request, now time.Time) reader {
	return reader{lang: languageOf(r), zone: zoneOf(r), now: now}
}

// languageOf is the language chosen on a page, else the browser's.
func languageOf(r *http.Request) problem.Language {
	if c, err := r.Cookie(langCookie); err == nil && slices.Contains([]string{"en", "zh"}, c.Value) {
		return problem.Language(c.Value)
	}
	return problem.LanguageOf(r)
}

// zoneOf is the browser's time zone, which its script has told; the server's until then.
func zoneOf(r *http.Request) *time.Location {
	c, err := r.Cookie(zoneCookie)
	if err != nil {
		return time.Local
	}
	name, err := url.QueryUnescape(c.Value)
	if err != nil || name == "" || len(name) > 64 {
		return time.Local
	}
	zone, err := time.LoadLocation(name) // it refuses names that are paths
	if err != nil {
		return time.Local
	}
	return zone
}

// chooseLanguage keeps the reader's choice for a year, and leads back to where they were.
func (m *Monitor) chooseLanguage(w http.ResponseWriter, r *http.Request) error {
	if lang := r.URL.Query().Get("lang"); lang == "en" || lang == "zh" {
		http.SetCookie(w, &http.Cookie{Name: langCookie, Value: lang, Path: Base, MaxAge: 365 * 24 * 3600,
			HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, back(r.URL.Query().Get("back")), http.StatusSeeOther)
	return nil
}
