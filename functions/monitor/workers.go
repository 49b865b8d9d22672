package monitor

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"idphoto/queue"
)

// workers is the model of the page.
type workers struct {
	Workers []workerView              `json:"workers"`
	States  map[queue.WorkerState]int `json:"states"`
	Slots   int                       `json:"slots"` // of online workers
	Busy    int                       `json:"busy"`
}

// workerView is one worker, as it said with its last heartbeat.
type workerView struct {
	Name       string            `json:"name"`
	Host       string            `json:"host"`
	Version    string            `json:"version"`
	Provider   string            `json:"provider,omitempty"`
	State      queue.WorkerState `json:"state"`
	Slots      int               `json:"slots"`
	Tasks      []workerTask      `json:"tasks"`
	Memory     int64             `json:"memory_bytes"`
	PeakMemory int64             `json:"peak_memory_bytes"`
	LoadTime   time.Duration     `json:"load_time_ns"`
	ColdStart  bool              `json:"cold_start"`
	StartedAt  time.Time         `json:"started_at"`
	SeenAt     time.Time         `json:"seen_at"`
	DrainAsked bool              `json:"drain_asked"`
}

type workerTask struct {
	queue.WorkerTask
	Age     time.Duration `json:"age_ns"`
	Overdue bool          `json:"overdue"` // longer than an attempt may take
}

// Alive reports whether the worker can be asked for something.
func (w workerView) Alive() bool { return w.State == queue.Online || w.State == queue.Draining }

// Idle is how many slots have nothing to do.
func (w workerView) Idle() int { return max(0, w.Slots-len(w.Tasks)) }

// order of the states: what works first.
var workerStates = []queue.WorkerState{queue.Online, queue.Draining, queue.Lost, queue.Stopped}

func (m *Monitor) workers(r *http.Request) (any, error) {
	all, err := m.ledger.Workers(r.Context())
	if err != nil {
		return nil, err
	}
	now := m.opts.Now()
	page := workers{Workers: []workerView{}, States: make(map[queue.WorkerState]int)}
	for _, w := range all {
		v := workerView{Name: w.Name, Host: w.Host, Version: w.Version, Provider: w.Provider, State: w.State, Slots: w.Slots,
			Tasks: []workerTask{}, Memory: w.Memory, PeakMemory: w.PeakMemory, LoadTime: w.LoadTime, ColdStart: w.ColdStart,
			StartedAt: w.StartedAt, SeenAt: w.SeenAt, DrainAsked: w.DrainAsked}
		for _, t := range w.Tasks {
			age := max(0, now.Sub(t.StartedAt))
			v.Tasks = append(v.Tasks, workerTask{t, age, v.Alive() && age > m.opts.Deadline})
		}
		page.Workers = append(page.Workers, v)
		page.States[w.State]++
		if w.State == queue.Online {
			page.Slots += w.Slots
			page.Busy += len(w.Tasks)
		}
	}
	slices.SortStableFunc(page.Workers, func(a, b workerView) int {
		place := func(w workerView) int { return slices.Index(workerStates, w.State) }
		if a.State == queue.Lost || a.State == queue.Stopped {
			return cmp.Or(cmp.Compare(place(a), place(b)), b.SeenAt.Compare(a.SeenAt), cmp.Compare(a.Name, b.Name))
		}
		return cmp.Or(cmp.Compare(place(a), place(b)), cmp.Compare(a.Name, b.Name))
	})
	return page, nil
}

func (m *Monitor) drainWorker(r *http.Request, _ values) (outcome, error) {
	name := r.PathValue("name")
	return outcome{Audit: "drain", Target: name, Count: 1, Message: "drain"}, m.ledger.Drain(r.Context(), name)
}
