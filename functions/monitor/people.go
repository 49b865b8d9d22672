package monitor

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"idphoto/functions/problem"
	"idphoto/infra/auth"
	"idphoto/pipeline/fault"
)

// peopleViews and peopleActions are who may use the console, and the programs that have a key.
var (
	peopleViews = []view{
		{path: "/people", page: "people", menu: true, role: auth.Admin, model: (*Monitor).people},
		{path: "/account", page: "account", role: auth.Viewer, model: (*Monitor).account},
	}
	peopleActions = []action{
		{path: "/people", role: auth.Admin, do: (*Monitor).addPerson},
		{path: "/people/{name}/role", role: auth.Admin, do: (*Monitor).setRole},
		{path: "/people/{name}/disable", role: auth.Admin, do: (*Monitor).disablePerson},
		{path: "/people/{name}/enable", role: auth.Admin, do: (*Monitor).enablePerson},
		{path: "/people/{name}/password", role: auth.Admin, do: (*Monitor).resetPassword},
		{path: "/keys", role: auth.Admin, do: (*Monitor).addKey},
		{path: "/keys/{id}/revoke", role: auth.Admin, do: (*Monitor).revokeKey},
	}
	peopleRaws = []raw{
		{"POST", Base + "/account/password", auth.Viewer, (*Monitor).changePassword}, // sets a cookie, so it is no action
	}
)

// people is the model of the page.
type people struct {
	People []auth.Person `json:"people"`
	Keys   []keyRow      `json:"keys"`
}

type keyRow struct {
	auth.Key
	Works bool `json:"works"` // neither expired nor revoked
}

// Roles lists those that people can have.
func (people) Roles() []auth.Role { return []auth.Role{auth.Viewer, auth.Operator, auth.Admin} }

// KeyRoles lists those that keys can have.
func (people) KeyRoles() []auth.Role {
	return []auth.Role{auth.Client, auth.Viewer, auth.Operator, auth.Admin}
}

// Days lists how long a new key may work, 0 for ever.
func (people) Days() []int { return []int{30, 90, 365, 0} }

func (m *Monitor) people(r *http.Request) (any, error) {
	g, err := m.guard()
	if err != nil {
		return nil, err
	}
	all, err := g.Store.People(r.Context())
	if err != nil {
		return nil, err
	}
	keys, err := g.Store.Keys(r.Context())
	if err != nil {
		return nil, err
	}
	page := people{People: all, Keys: make([]keyRow, len(keys))}
	for i, k := range keys {
		page.Keys[i] = keyRow{k, k.Works(m.opts.Now())}
	}
	return page, nil
}

// account is what the page about oneself shows.
type account struct {
	Name     string    `json:"name"`
	Role     auth.Role `json:"role"`
	Password bool      `json:"password"` // can be changed here
}

func (m *Monitor) account(r *http.Request) (any, error) {
	g, err := m.guard()
	if err != nil {
		return nil, err
	}
	who := auth.From(r.Context())
	if who.By != auth.BySession {
		return account{Name: who.Name, Role: who.Role}, nil
	}
	p, err := g.Store.Person(r.Context(), who.Name)
	return account{Name: p.Name, Role: p.Role, Password: !p.Foreign}, authFault(err)
}

// changePassword is everybody's own.
func (m *Monitor) changePassword(w http.ResponseWriter, r *http.Request) error {
	g, err := m.guard()
	if err != nil {
		return m.failed(w, r, err)
	}
	if err := r.ParseForm(); err != nil {
		return m.failed(w, r, fault.New(problem.BadRequest, err))
	}
	err = authFault(g.ChangePassword(w, r, r.PostForm.Get("old"), r.PostForm.Get("new")))
	if problem.Of(err).Code == problem.SignInFailed {
		err = fault.New(problem.WrongPassword, err)
	}
	if err == nil {
		err = m.record(r, "password", auth.From(r.Context()).Name, 1)
	}
	if err != nil {
		return m.failed(w, r, err)
	}
	m.shell.setFlash(w, outcome{Message: "password", Count: 1})
	http.Redirect(w, r, Base+"/account", http.StatusSeeOther)
	return nil
}

// secret is a password or a key that is shown once and kept nowhere.
type secret struct {
	Kind   string `json:"kind"` // "password" or "key"
	ID     string `json:"id,omitempty"`
	Name   string `json:"name"`
	Secret string `json:"secret"`
}

func (m *Monitor) addPerson(r *http.Request, in values) (outcome, error) {
	g, role, err := m.guardAndRole(in)
	if err != nil {
		return outcome{}, err
	}
	name := strings.ToLower(strings.TrimSpace(in["name"]))
	password, err := g.Store.AddPerson(r.Context(), name, role, "")
	if err != nil {
		return outcome{}, authFault(err)
	}
	return outcome{Audit: "person_add", Target: name + " " + role.String(), Count: 1, Page: "secret",
		Body: secret{Kind: "password", Name: name, Secret: password}}, nil
}

func (m *Monitor) guardAndRole(in values) (*auth.Guard, auth.Role, error) {
	g, err := m.guard()
	if err != nil {
		return nil, auth.Nobody, err
	}
	role, err := auth.ParseRole(in["role"])
	if err != nil {
		return nil, auth.Nobody, fault.New(problem.BadOption, err, "field", "role")
	}
	return g, role, nil
}

func (m *Monitor) setRole(r *http.Request, in values) (outcome, error) {
	g, role, err := m.guardAndRole(in)
	if err != nil {
		return outcome{}, err
	}
	name := r.PathValue("name")
	return outcome{Audit: "person_role", Target: name + " " + role.String(), Count: 1, Message: "person_role"},
		authFault(g.Store.SetRole(r.Context(), name, role))
}

func (m *Monitor) disablePerson(r *http.Request, _ values) (outcome, error) {
	return m.setDisabled(r, true, "person_disable")
}

func (m *Monitor) enablePerson(r *http.Request, _ values) (outcome, error) {
	return m.setDisabled(r, false, "person_enable")
}

func (m *Monitor) setDisabled(r *http.Request, disabled bool, deed string) (outcome, error) {
	g, err := m.guard()
	if err != nil {
		return outcome{}, err
	}
	name := r.PathValue("name")
	return outcome{Audit: deed, Target: name, Count: 1, Message: deed}, authFault(g.Store.SetDisabled(r.Context(), name, disabled))
}

func (m *Monitor) resetPassword(r *http.Request, _ values) (outcome, error) {
	g, err := m.guard()
	if err != nil {
		return outcome{}, err
	}
	name := r.PathValue("name")
	password, err := g.Store.SetPassword(r.Context(), name, "")
	if err != nil {
		return outcome{}, authFault(err)
	}
	return outcome{Audit: "person_password", Target: name, Count: 1, Page: "secret", Body: secret{Kind: "password", Name: name, Secret: password}}, nil
}

// longestKey bounds a key's days: ten years.
const longestKey = 3650

func (m *Monitor) addKey(r *http.Request, in values) (outcome, error) {
	g, role, err := m.guardAndRole(in)
	if err != nil {
		return outcome{}, err
	}
	days, err := strconv.Atoi(in["days"])
	if err != nil || days < 0 || days > longestKey {
		return outcome{}, fault.New(problem.BadOption, err, "field", "days")
	}
	k, text, err := g.Store.AddKey(r.Context(), strings.TrimSpace(in["name"]), role, time.Duration(days)*24*time.Hour, auth.From(r.Context()).Name)
	if err != nil {
		return outcome{}, authFault(err)
	}
	return outcome{Audit: "key_add", Target: k.ID + " " + k.Name + " " + role.String(), Count: 1, Page: "secret",
		Body: secret{Kind: "key", ID: k.ID, Name: k.Name, Secret: text}}, nil
}

func (m *Monitor) revokeKey(r *http.Request, _ values) (outcome, error) {
	g, err := m.guard()
	if err != nil {
		return outcome{}, err
	}
	id := r.PathValue("id")
	return outcome{Audit: "key_revoke", Target: id, Count: 1, Message: "key_revoke"}, authFault(g.Store.RevokeKey(r.Context(), id))
}
