package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"idphoto/local/drill"
)

// drillCmd is the fire drill of the alerts.
type drillCmd struct {
	Alerts     []string `arg:"" optional:"" help:"Only these alerts; default: all."`
	Prometheus string   `default:"auto" enum:"auto,yes,no" help:"Then also send one alert the whole way through Debian's prometheus and prometheus-alertmanager: yes, no, or auto: where they are installed."`
}

// Run drills. Its error says which alerts did not fire or clear.
func (c *drillCmd) Run(ctx context.Context, out io.Writer) error {
	failed := drill.Run(ctx, out, c.Alerts...)
	if ctx.Err() != nil || c.Prometheus == "no" {
		return failed
	}
	if err := findPrometheus(); err != nil {
		if c.Prometheus == "yes" {
			return errors.Join(failed, err)
		}
		_, err := fmt.Fprintf(out, "Left out: the whole way through Prometheus and Alertmanager (%v).\n", err)
		return errors.Join(failed, err)
	}
	return errors.Join(failed, wholeWay(ctx, out))
}
