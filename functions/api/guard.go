package api

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/pipeline/fault"
)

// Guard knows who asks. *auth.Guard is one.
type Guard interface {
	// Asks returns the role that a route of the given role asks for here.
	Asks(role auth.Role) auth.Role

	// Identify returns auth.ErrCredentials for credentials that are not valid; another error means
	// that nobody can tell.
	Identify(r *http.Request) (auth.Identity, error)

	// CheckOrigin returns an error for a request that another site made the browser of who send.
	CheckOrigin(r *http.Request, who auth.Identity) error
}

// guarded lets those in who may ask the route, and tells its handler who asks (auth.From).
func (o *Options) guarded(route Route) Handler {
	if o.Guard == nil {
		if route.Access > auth.Client {
			return func(http.ResponseWriter, *http.Request) error { return fault.New(problem.Forbidden, nil) }
		}
		return route.Handle
	}
	needs := o.Guard.Asks(route.Access)
	return func(w http.ResponseWriter, r *http.Request) error {
		who, err := o.Guard.Identify(r)
		if err != nil {
			switch {
			case needs == auth.Anyone: // the credentials may be for somebody else, as a metrics token is
				who = auth.Identity{Role: auth.Anyone}
			case errors.Is(err, auth.ErrCredentials):
				return o.unauthorized(w, r, err)
			default:
				return problem.LedgerDown(err)
			}
		}
		r = r.WithContext(auth.With(r.Context(), who))
		if err := o.Guard.CheckOrigin(r, who); err != nil {
			return route.refuse(w, r, fault.New(problem.Forbidden, err))
		}
		switch {
		case who.May(needs):
			return route.Handle(w, r)
		case who.By == "":
			return o.unauthorized(w, r, nil)
		}
		return route.refuse(w, r, fault.New(problem.Forbidden, nil))
	}
}

func (r *Route) refuse(w http.ResponseWriter, req *http.Request, err error) error {
	if r.Refuse == nil {
		return err
	}
	return r.Refuse(w, req, err)
}

// unauthorized sends a person to the page for signing in, which leads back here; what else asks is
// told so.
func (o *Options) unauthorized(w http.ResponseWriter, r *http.Request, cause error) error {
	if o.SignIn != "" && wantsPage(r) {
		page := o.SignIn
		if r.Method == http.MethodGet {
			page += "?next=" + url.QueryEscape(r.URL.RequestURI())
		}
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, page, http.StatusSeeOther)
		return nil
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	return fault.New(problem.Unauthorized, cause)
}

// wantsPage reports whether r is somebody who opens a page or sends its form, as opposed to a
// program, a page's script or a picture in it.
func wantsPage(r *http.Request) bool {
	if strings.HasPrefix(r.URL.Path, "/api/") || r.Header.Get("Authorization") != "" {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	accept := r.Header.Get("Accept")
	return accept == "" || strings.Contains(accept, "text/html") || strings.Contains(accept, "*/*")
}
