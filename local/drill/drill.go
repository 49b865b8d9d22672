// Package drill breaks one thing per alert in a whole service of its own, and shows each alert fire and
// clear.
//
// The rules are those that are deployed, unchanged, evaluated by Prometheus' own engine on what a
// scrape of /metrics over HTTP returns; only the time is driven rather than waited for: the ledger's
// clock, the scrapes and the rules' "for" go by the drill's clock, which a step moves by half a
// minute. So half an hour of waiting takes a second, and every run goes the same way.
package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"idphoto/infra/deploy/monitoring"
)

const (
	warmUp     = 20 * time.Minute // of unbroken work first: what fires in it is a false alarm
	fireWithin = 2 * time.Hour
	calmWithin = 2 * time.Hour
)

// Run goes through the scenes, or those of the given alerts, and writes a line about each. Its error
// says which alerts did not fire, or did not clear.
func Run(ctx context.Context, out io.Writer, only ...string) (err error) {
	if err := complete(); err != nil {
		return err
	}
	h, err := open(ctx, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.shut(ctx)) }()
	if err := h.calm(ctx, warmUp); err != nil {
		return fmt.Errorf("nothing is broken yet: %w", err)
	}
	fmt.Fprintf(out, "%-28s fires, as it always does\n", always)
	var failed []error
	for _, s := range scenes {
		if len(only) > 0 && !contains(only, s.alert) {
			continue
		}
		line, err := h.play(ctx, s)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			line = "FAILED: " + err.Error()
			failed = append(failed, fmt.Errorf("%s: %w", s.alert, err))
		}
		if _, err := fmt.Fprintf(out, "%-28s %s: %s\n", s.alert, s.what, line); err != nil {
			return err
		}
	}
	return errors.Join(failed...)
}

// complete reports an alert without a scene.
func complete() error {
	alerts, err := monitoring.Alerts()
	if err != nil {
		return err
	}
	known := map[string]bool{always: true}
	for _, s := range scenes {
		known[s.alert] = true
	}
	for _, a := range alerts {
		if !known[a.Alert] {
			return fmt.Errorf("drill: nothing breaks for %s", a.Alert)
		}
	}
	return nil
}

// play breaks, waits for the alert, mends, and waits for silence.
func (h *house) play(ctx context.Context, s scene) (string, error) {
	every := step
	if s.every > 0 {
		every = s.every
	}
	for begun := h.now; h.now.Sub(begun) < s.warm; {
		if err := h.advance(ctx, every); err != nil {
			return "", err
		}
	}
	if len(h.alarms.firing[s.alert]) > 0 {
		return "", errors.New("it fires although nothing is broken")
	}
	broken := h.now
	if err := s.begin(ctx, h); err != nil {
		return "", fmt.Errorf("breaking: %w", err)
	}
	fired, err := h.until(ctx, every, fireWithin, func() bool { return len(h.alarms.firing[s.alert]) > 0 })
	if err != nil {
		return "", err
	}
	which, others := h.alarms.firing[s.alert], h.alarms.others(s.alert)
	h.reset()
	h.work.Wait()
	if s.end != nil {
		if err := s.end(ctx, h); err != nil {
			return "", fmt.Errorf("mending: %w", err)
		}
	}
	if !fired {
		return "", fmt.Errorf("it did not fire within %v; others did: %v", fireWithin, others)
	}
	took := h.now.Sub(broken)
	mended := h.now
	cleared, err := h.until(ctx, every, calmWithin, func() bool { return len(h.alarms.firing[s.alert]) == 0 })
	if err != nil {
		return "", err
	}
	if !cleared {
		return "", fmt.Errorf("it did not clear within %v", calmWithin)
	}
	line := fmt.Sprintf("fires after %v", took)
	if names := strings.TrimSpace(strings.Join(which, ", ")); names != "" {
		line += " (" + names + ")"
	}
	line += fmt.Sprintf(", clears %v after it is mended", h.now.Sub(mended))
	if len(others) > 0 {
		line += "; beside it " + strings.Join(others, ", ")
	}
	calm, err := h.until(ctx, every, calmWithin, func() bool { return len(h.alarms.others("")) == 0 })
	if err == nil && !calm {
		err = fmt.Errorf("afterwards there is no silence: %v", h.alarms.others(""))
	}
	return line, err
}

// until advances until ok, for at most limit.
func (h *house) until(ctx context.Context, every, limit time.Duration, ok func() bool) (bool, error) {
	for begun := h.now; !ok(); {
		if h.now.Sub(begun) >= limit {
			return false, nil
		}
		if err := errors.Join(ctx.Err(), h.advance(ctx, every)); err != nil {
			return false, err
		}
	}
	return true, nil
}

// calm advances and demands that only the Watchdog fires, and that it does.
func (h *house) calm(ctx context.Context, d time.Duration) error {
	for begun := h.now; h.now.Sub(begun) < d; {
		if err := h.advance(ctx, step); err != nil {
			return err
		}
		if others := h.alarms.others(""); len(others) > 0 {
			return fmt.Errorf("%v fires", others)
		}
		if len(h.alarms.firing[always]) != 1 {
			return fmt.Errorf("the %s does not fire", always)
		}
	}
	return nil
}

func contains(list []string, word string) bool {
	for _, one := range list {
		if strings.EqualFold(one, word) {
			return true
		}
	}
	return false
}
