package monitor

import (
	"slices"

	"idphoto/infra/auth"
)

// views are the pages, in the order of the navigation. Each group stands beside its models.
var views = slices.Concat(taskViews, peopleViews)

// actions are the deeds.
var actions = slices.Concat(taskActions, peopleActions)

// raws are the rest.
var raws = slices.Concat([]raw{
	{"GET", Base + "/assets/{sum}/{name}", auth.Anyone, (*Monitor).asset},
	{"GET", Base + "/language", auth.Anyone, (*Monitor).chooseLanguage},
	{"GET", Base + "/live", auth.Viewer, (*Monitor).stream},
}, taskRaws, logins, peopleRaws)
