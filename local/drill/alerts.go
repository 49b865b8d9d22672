package drill

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"

	"idphoto/infra/deploy/monitoring"
)

// alarms evaluates the alert rules as Prometheus does, with its engine, on samples of its own.
type alarms struct {
	rules   []rulefmt.Rule
	engine  *promql.Engine
	samples *samples
	since   map[string]map[string]time.Time // by alert and labels: when its expression began to hold
	firing  map[string][]string             // by alert: labels of those that have held long enough
}

func newAlarms() (*alarms, error) {
	rules, err := monitoring.Alerts()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range rules {
		of, err := monitoring.Metrics(r.Expr)
		if err != nil {
			return nil, err
		}
		names = append(names, of...)
	}
	return &alarms{
		rules: rules, samples: newSamples(names), since: make(map[string]map[string]time.Time), firing: make(map[string][]string),
		engine: promql.NewEngine(promql.EngineOpts{MaxSamples: 10_000_000, Timeout: time.Minute}),
	}, nil
}

// evaluate brings firing up to date.
func (a *alarms) evaluate(ctx context.Context, now time.Time) error {
	for _, r := range a.rules {
		q, err := a.engine.NewInstantQuery(ctx, a.samples, nil, r.Expr, now)
		if err != nil {
			return fmt.Errorf("%s: %w", r.Alert, err)
		}
		result := q.Exec(ctx)
		v, err := result.Vector()
		if err != nil {
			return fmt.Errorf("%s: %w", r.Alert, err)
		}
		a.note(r, v, now)
		q.Close()
	}
	return nil
}

// note holds each element of a rule's answer to the rule's "for".
func (a *alarms) note(r rulefmt.Rule, v promql.Vector, now time.Time) {
	before, holds := a.since[r.Alert], make(map[string]time.Time)
	delete(a.firing, r.Alert)
	for _, one := range v {
		which := describe(one.Metric)
		since, ok := before[which]
		if !ok {
			since = now
		}
		holds[which] = since
		if now.Sub(since) >= time.Duration(r.For) {
			a.firing[r.Alert] = append(a.firing[r.Alert], which)
		}
	}
	a.since[r.Alert] = holds
}

// others lists what fires beside the given alert and the one that always does.
func (a *alarms) others(alert string) []string {
	names := slices.Sorted(maps.Keys(a.firing))
	return slices.DeleteFunc(names, func(n string) bool { return n == alert || n == always })
}

// always is the alert that never clears.
const always = "Watchdog"
