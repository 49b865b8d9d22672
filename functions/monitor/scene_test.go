package monitor

import (
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"idphoto/functions/api"
	"idphoto/infra/blobs"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

// scene is a console whose clock stands still, and whose past is written as a janitor would.
type scene struct {
	*console
	clock time.Time
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{clock: time.Date(2026, 11, 24, 3, 7, 20, 0, time.UTC)}
	now := func() time.Time { return s.clock }
	ledger, err := sqlledger.Open(t.Context(), "mem://", &sqlledger.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ledger.Close() })
	store, err := blobs.Open(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	log := slog.New(slog.DiscardHandler)
	m := New(ledger, store, &Options{Log: log, Now: now, Version: "1.4.0", Poll: 5 * time.Millisecond})
	s.console = &console{t, api.New(api.Options{Guard: byHeader{}, SignIn: LoginPath, Log: log}, m.Routes()...), m, ledger, store}
	return s
}

// note is one period of the history.
type note struct {
	lane     string
	finished []queue.Reason
	failed   []queue.Reason
	times    map[string][]time.Duration
	sample   *queue.LaneSample
}

// write puts a note into the ledger's history.
func (s *scene) note(step time.Duration, at time.Time, n note) {
	s.Helper()
	reasons := func(all []queue.Reason) string {
		var b strings.Builder
		for _, r := range all {
			fmt.Fprintf(&b, "%s\t%s\t%s\t%d\n", r.State, r.Label, r.Code, r.N)
		}
		return b.String()
	}
	var times strings.Builder
	for name, all := range n.times {
		var h queue.Histogram
		for _, d := range all {
			h.Add(d)
		}
		text, _ := h.MarshalText()
		fmt.Fprintf(&times, "%s\t%s\n", name, text)
	}
	sampled, sample := 0, queue.LaneSample{}
	if n.sample != nil {
		sampled, sample = 1, *n.sample
	}
	_, err := s.ledger.SQL().Exec(s.Context(), `INSERT INTO history (step, began_at, lane, finished, failed, times, sampled, waiting, running, oldest_age, slots, busy)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, int64(step.Seconds()), at.UnixMicro(), n.lane, reasons(n.finished), reasons(n.failed), times.String(),
		sampled, sample.Waiting, sample.Running, sample.OldestAge.Microseconds(), sample.Slots, sample.Busy)
	if err != nil {
		s.Fatal(err)
	}
}

// calm writes an hour in which a janitor ran and nothing else happened.
func (s *scene) calm() {
	for at := s.clock.Truncate(time.Minute).Add(-time.Hour); !at.After(s.clock); at = at.Add(time.Minute) {
		s.note(time.Minute, at, note{lane: queue.Express, sample: &queue.LaneSample{Slots: 2}})
	}
}

// busy writes two days by minutes and a month by hours of a workshop that is used by day, was
// stopped for a while last night, and has had a bad quarter of an hour just now.
func (s *scene) busy() {
	chance := rand.New(rand.NewPCG(1, 2))
	now := s.clock.Truncate(time.Minute)
	for i := range 26 * 60 {
		at := now.Add(-time.Duration(i) * time.Minute)
		if i > 7*60 && i < 8*60+20 {
			continue // nobody was there to take notes
		}
		for _, lane := range queue.Lanes {
			s.note(time.Minute, at, busyPeriod(chance, lane, at, time.Minute, i < 16))
		}
	}
	hour := s.clock.Truncate(time.Hour)
	for i := range 30 * 24 {
		for _, lane := range queue.Lanes {
			s.note(time.Hour, hour.Add(-time.Duration(i)*time.Hour), busyPeriod(chance, lane, hour.Add(-time.Duration(i)*time.Hour), time.Hour, false))
		}
	}
}

func busyPeriod(chance *rand.Rand, lane string, at time.Time, step time.Duration, bad bool) note {
	day := 0.55 + 0.45*math.Sin(float64(at.Unix()%86400)/86400*2*math.Pi)
	n := int64(step.Minutes() * (1 + 14*day*chance.Float64()))
	wait, oldest, waiting := 30*time.Millisecond, time.Second, int64(2)
	if lane == queue.Bulk {
		wait, oldest, waiting = 40*time.Second, time.Duration(day*300)*time.Second, int64(120*day)
	}
	if bad && lane == queue.Express {
		wait, oldest, waiting = 4*time.Second, 14*time.Second, 23
	}
	out := note{lane: lane, times: map[string][]time.Duration{}, sample: &queue.LaneSample{
		Waiting: int64(float64(waiting) * (0.5 + chance.Float64())), Running: int64(1 + 3*day*chance.Float64()),
		OldestAge: time.Duration(float64(oldest) * (0.3 + chance.Float64())), Slots: 6, Busy: int64(6 * day * chance.Float64())}}
	specs := []string{"1-inch", "passport-35x45", "us-visa", "schengen-visa"}
	for i, spec := range specs {
		share := n / int64(i+1)
		out.finished = append(out.finished, queue.Reason{State: queue.Succeeded, Label: spec, N: share})
		no := share / 12
		if bad && spec == "us-visa" {
			no = share/2 + 1
		}
		for j, code := range []string{"no_face", "head_cut_off", "many_faces", "face_too_small", "geometry_impossible", "matte_uncertain"} {
			if k := no / int64(j+1); k > 0 {
				out.finished = append(out.finished, queue.Reason{State: queue.Rejected, Label: spec, Code: code, N: k})
			}
		}
	}
	if bad && chance.IntN(4) == 0 {
		out.finished = append(out.finished, queue.Reason{State: queue.Dead, Label: "1-inch", Code: "lease_lost", N: 1})
		out.failed = append(out.failed, queue.Reason{State: queue.Retrying, Code: "unavailable", N: 2})
	}
	spread := func(middle time.Duration) []time.Duration {
		all := make([]time.Duration, 12)
		for i := range all {
			all[i] = time.Duration(float64(middle) * math.Exp(0.8*chance.NormFloat64()))
		}
		return all
	}
	out.times[queue.TimeWait] = spread(wait)
	out.times[queue.TimeRun] = spread(420 * time.Millisecond)
	for stage, d := range map[string]time.Duration{"decode": 35, "detect": 28, "landmarks": 12, "matte": 210, "geometry": 1, "compose": 40, "encode": 30, "fetch": 3, "store": 6} {
		out.times[queue.TimeStage+stage] = spread(d * time.Millisecond)
	}
	return out
}

// hands registers a worker as it would say of itself.
func (s *scene) worker(w queue.WorkerInfo, seen time.Duration) {
	s.Helper()
	now := s.clock
	s.clock = now.Add(-seen)
	defer func() { s.clock = now }()
	if _, err := s.ledger.Heartbeat(s.Context(), w); err != nil {
		s.Fatal(err)
	}
}

// crew registers workers in every state.
func (s *scene) crew() {
	base := queue.WorkerInfo{Version: "1.4.0", Provider: "CPU", State: queue.Online, Slots: 2, Memory: 312 << 20, PeakMemory: 431 << 20,
		LoadTime: 840 * time.Millisecond, StartedAt: s.clock.Add(-26 * time.Hour)}
	with := func(name, host string, seen time.Duration, change func(*queue.WorkerInfo)) {
		w := base
		w.Name, w.Host = name, host
		change(&w)
		s.worker(w, seen)
	}
	task := func(age time.Duration, stage string, attempt int) queue.WorkerTask {
		return queue.WorkerTask{ID: queue.NewID(), Kind: "photo", Attempt: attempt, Stage: stage, StartedAt: s.clock.Add(-age)}
	}
	with("studio-1-4211-k3x9qa", "studio-1", time.Second, func(w *queue.WorkerInfo) {
		w.Tasks = []queue.WorkerTask{task(310*time.Millisecond, "matte", 1), task(80*time.Millisecond, "decode", 1)}
	})
	with("studio-2-877-m2b7zt", "studio-2", 2*time.Second, func(w *queue.WorkerInfo) {
		w.Tasks = []queue.WorkerTask{task(94*time.Second, "matte", 2)}
	})
	with("<script>alert(1)</script>", "studio-3", 3*time.Second, func(w *queue.WorkerInfo) { w.State, w.Provider = queue.Draining, "CUDA" })
	with("cloud-run-00042-xyz", "localhost", time.Second, func(w *queue.WorkerInfo) { w.ColdStart, w.LoadTime, w.Slots = true, 2300*time.Millisecond, 1 })
	with("studio-4-31337-aa11bb", "studio-4.very-long-host-name.example.internal", 7*time.Minute, func(w *queue.WorkerInfo) {
		w.Tasks = []queue.WorkerTask{task(8*time.Minute, "encode", 1)}
	})
	with("studio-5-12-bbbbbb", "studio-5", 40*time.Minute, func(w *queue.WorkerInfo) { w.State = queue.Stopped })
}

// queueUp stores tasks that have waited for so long.
func (s *scene) queueUp(n int, lane string, age time.Duration) {
	s.Helper()
	now := s.clock
	s.clock = now.Add(-age)
	defer func() { s.clock = now }()
	for range n {
		s.add(func(t *queue.Task) { t.Lane = lane })
	}
}

func (s *scene) deeds() {
	s.Helper()
	for i := range 130 {
		e := []queue.AuditEntry{
			{Actor: "mei.lin", Action: "pause", Target: queue.Bulk, Count: 1},
			{Actor: "oidc:j.doe@example.org", Action: "bulk_retry", Target: "state=dead&spec=us-visa", Count: 50},
			{Actor: "key:payroll", Action: "retry", Target: queue.NewID(), Count: 1},
			{Actor: "mei.lin", Action: "drain", Target: "<script>alert(1)</script>", Count: 1},
			{Actor: "ann", Action: "login", Target: "password", Count: 1},
		}[i%5]
		if err := s.ledger.Record(s.Context(), e); err != nil {
			s.Fatal(err)
		}
	}
}
