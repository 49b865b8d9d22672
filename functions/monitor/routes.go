package monitor

import (
	"net/http"
	"slices"

	"idphoto/infra/auth"
)

// views are the pages, in the order of the navigation. Each group stands beside its models.
var views = slices.Concat([]view{
	{path: "/", page: "overview", menu: true, role: auth.Viewer, model: (*Monitor).overview},
}, taskViews, []view{
	{path: "/lanes", page: "lanes", menu: true, role: auth.Viewer, model: (*Monitor).lanes},
	{path: "/workers", page: "workers", menu: true, role: auth.Viewer, model: (*Monitor).workers},
	{path: "/rejections", page: "rejections", menu: true, role: auth.Viewer, model: (*Monitor).rejections},
	{path: "/audit", page: "audit", menu: true, role: auth.Operator, model: (*Monitor).audit},
}, peopleViews)

// actions are the deeds.
var actions = slices.Concat(taskActions, []action{
	{path: "/lanes/{lane}/pause", role: auth.Operator, do: (*Monitor).pauseLane},
	{path: "/lanes/{lane}/resume", role: auth.Operator, do: (*Monitor).resumeLane},
	{path: "/workers/{name}/drain", role: auth.Operator, do: (*Monitor).drainWorker},
}, peopleActions)

// raws are the rest.
var raws = slices.Concat([]raw{
	{"GET", Base, auth.Anyone, (*Monitor).door},
	{"GET", Base + "/assets/{sum}/{name}", auth.Anyone, (*Monitor).asset},
	{"GET", Base + "/language", auth.Anyone, (*Monitor).chooseLanguage},
	{"GET", Base + "/live", auth.Viewer, (*Monitor).stream},
}, taskRaws, logins, peopleRaws)

// door leads who leaves the last slash out to the overview.
func (m *Monitor) door(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, Base+"/", http.StatusMovedPermanently)
	return nil
}
