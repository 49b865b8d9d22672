package status

import (
	"net/http"

	"idphoto/functions/api"
	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/spec"
)

// catalogueCache is for what changes with a release only.
const catalogueCache = "public, max-age=300"

func specs(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Cache-Control", catalogueCache)
	return api.JSON(w, http.StatusOK, map[string]any{"specs": spec.All()})
}

func oneSpec(w http.ResponseWriter, r *http.Request) error {
	s, err := spec.Lookup(r.PathValue("id"))
	if err != nil {
		return fault.New(problem.NotFound, err)
	}
	w.Header().Set("Cache-Control", catalogueCache)
	return api.JSON(w, http.StatusOK, s)
}

// described is a row of the table of problems, in both languages.
type described struct {
	Code   string                            `json:"code"`
	Status int                               `json:"status"`
	Texts  map[problem.Language]problem.Text `json:"texts"`
}

func describe(e problem.Entry) described {
	return described{e.Code, e.Status, map[problem.Language]problem.Text{problem.English: e.English, problem.Chinese: e.Chinese}}
}

func problems(w http.ResponseWriter, _ *http.Request) error {
	var all []described
	for _, e := range problem.All() {
		all = append(all, describe(e))
	}
	w.Header().Set("Cache-Control", catalogueCache)
	return api.JSON(w, http.StatusOK, map[string]any{"problems": all})
}

// oneProblem is what a problem's "type" leads to.
func oneProblem(w http.ResponseWriter, r *http.Request) error {
	e, ok := problem.Lookup(r.PathValue("code"))
	if !ok {
		return fault.New(problem.NotFound, nil)
	}
	w.Header().Set("Cache-Control", catalogueCache)
	return api.JSON(w, http.StatusOK, describe(e))
}
