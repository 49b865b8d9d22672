// Package monitoring holds what Prometheus, Alertmanager and Grafana are given, so that programs and
// tests can read it. prometheus.yml and alertmanager.yml are examples of configurations to put one's own
// addresses in; each alert of rules.yml has a page in runbooks.
package monitoring

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

//go:embed rules.yml
var rules []byte

//go:embed dashboard.json
var dashboard []byte

//go:embed prometheus.yml
var prometheus []byte

//go:embed alertmanager.yml
var alertmanager []byte

//go:embed mail.tmpl
var mail []byte

// Alerts returns the rules, in their order.
func Alerts() ([]rulefmt.Rule, error) { return parse(rules) }

// The files as they are deployed.
func RulesFile() []byte        { return slices.Clone(rules) }
func PrometheusFile() []byte   { return slices.Clone(prometheus) }
func AlertmanagerFile() []byte { return slices.Clone(alertmanager) }
func MailTemplate() []byte     { return slices.Clone(mail) }

func parse(file []byte) ([]rulefmt.Rule, error) {
	groups, errs := rulefmt.Parse(file, false, model.LegacyValidation)
	if len(errs) > 0 {
		return nil, fmt.Errorf("alert rules: %w", errors.Join(errs...))
	}
	var all []rulefmt.Rule
	for _, g := range groups.Groups {
		all = append(all, g.Rules...)
	}
	return all, nil
}

// DashboardExpressions returns the expressions of the dashboard by panel, ready to be parsed.
func DashboardExpressions() (map[string][]string, error) {
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
		Annotations struct{ List []struct{ Name, Expr string } }
	}
	if err := json.Unmarshal(dashboard, &d); err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	all := make(map[string][]string)
	for _, p := range d.Panels {
		for _, t := range p.Targets {
			all[p.Title] = append(all[p.Title], strings.ReplaceAll(t.Expr, "$__rate_interval", "1m")) // Grafana's own variable
		}
	}
	for _, a := range d.Annotations.List {
		all[a.Name] = append(all[a.Name], a.Expr)
	}
	return all, nil
}

// Metrics returns the names of the metrics that an expression reads, sorted.
func Metrics(expr string) ([]string, error) {
	e, err := parser.ParseExpr(expr)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	names := make(map[string]bool)
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if v, ok := n.(*parser.VectorSelector); ok {
			names[v.Name] = true
		}
		return nil
	})
	return slices.Sorted(maps.Keys(names)), nil
}
