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

// record is a row of the catalogue, with its name in the reader's language beside both.
type record struct {
	Name string `json:"name"`
	*spec.Spec
}

func inLanguage(s *spec.Spec, lang problem.Language) record {
	return record{s.Names[string(lang)], s}
}

// specs lists the catalogue; ?q= keeps the records that hold all of its words.
func specs(w http.ResponseWriter, r *http.Request) error {
	lang := problem.LanguageOf(r)
	records := []record{}
	for _, s := range spec.Search(r.URL.Query().Get("q")) {
		records = append(records, inLanguage(s, lang))
	}
	w.Header().Set("Cache-Control", catalogueCache)
	w.Header().Set("Vary", "Accept-Language")
	return api.JSON(w, http.StatusOK, map[string]any{"version": spec.Version(), "specs": records})
}

// oneSpec answers for a record of the catalogue, and for a size of the customer's own.
func oneSpec(w http.ResponseWriter, r *http.Request) error {
	s, err := spec.Lookup(r.PathValue("id"))
	if err != nil {
		return fault.New(problem.NotFound, err)
	}
	w.Header().Set("Cache-Control", catalogueCache)
	w.Header().Set("Vary", "Accept-Language")
	return api.JSON(w, http.StatusOK, inLanguage(s, problem.LanguageOf(r)))
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
