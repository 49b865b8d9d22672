package monitor

import "idphoto/infra/auth"

// Tasks, batches and what can be done with them.
var (
	taskViews = []view{
		{path: "/tasks", page: "tasks", menu: true, role: auth.Viewer, model: (*Monitor).tasks},
		{path: "/tasks/{id}", page: "task", role: auth.Viewer, model: (*Monitor).task},
		{path: "/tasks/bulk", page: "bulk", role: auth.Operator, model: (*Monitor).bulk},
		{path: "/batches", page: "batches", menu: true, role: auth.Viewer, model: (*Monitor).batches},
		{path: "/batches/{id}", page: "batch", role: auth.Viewer, model: (*Monitor).batch},
		{path: "/batches/{id}/names", page: "batch", role: auth.Operator, model: (*Monitor).batchNames},
	}
	taskActions = []action{
		{path: "/tasks/{id}/retry", role: auth.Operator, do: (*Monitor).retryTask},
		{path: "/tasks/{id}/accept", role: auth.Operator, do: (*Monitor).acceptTask},
		{path: "/tasks/{id}/refuse", role: auth.Operator, do: (*Monitor).refuseTask},
		{path: "/tasks/{id}/again", role: auth.Operator, do: (*Monitor).runAgain}, // a new task with other options
		{path: "/tasks/{id}/cancel", role: auth.Operator, do: (*Monitor).cancelTask},
		{path: "/tasks/{id}/erase", role: auth.Operator, do: (*Monitor).eraseTask},
		{path: "/tasks/bulk", role: auth.Operator, do: (*Monitor).actOnMany},
		{path: "/batches/{id}/retry", role: auth.Operator, do: (*Monitor).retryBatch},
		{path: "/batches/{id}/cancel", role: auth.Operator, do: (*Monitor).cancelBatch},
	}
	taskRaws = []raw{
		{"GET", Base + "/tasks/{id}/picture/{part}", auth.Operator, (*Monitor).picture},
	}
)
