package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// stageTimes are a server's own count of a stage.
type stageTimes struct{ seconds, runs float64 }

// stages returns the times of all stages so far, from the server's metrics.
func (c *client) stages(ctx context.Context) (map[string]stageTimes, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	times := make(map[string]stageTimes)
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), "} ")
		if !ok || !strings.HasPrefix(name, "idphoto_task_stage_seconds_") {
			continue
		}
		_, stage, _ := strings.Cut(name, `stage="`)
		stage, _, _ = strings.Cut(stage, `"`)
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("metric %s: %w", name, err)
		}
		t := times[stage]
		switch {
		case strings.HasPrefix(name, "idphoto_task_stage_seconds_sum"):
			t.seconds += v
		case strings.HasPrefix(name, "idphoto_task_stage_seconds_count"):
			t.runs += v
		}
		times[stage] = t
	}
	return times, lines.Err()
}

// since returns what was added to before.
func since(before, after map[string]stageTimes) map[string]stageTimes {
	added := make(map[string]stageTimes)
	for stage, t := range after {
		if t.seconds, t.runs = t.seconds-before[stage].seconds, t.runs-before[stage].runs; t.runs > 0 {
			added[stage] = t
		}
	}
	return added
}

// printStages prints the mean time of each stage in the order in which a photo passes them: of
// photos of new pictures, and of others of the same picture.
func printStages(out io.Writer, fresh, again map[string]stageTimes) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nstage\tmean ms\tagain\t")
	all := maps.Clone(fresh)
	maps.Copy(all, again)
	for _, stage := range inOrder(slices.Collect(maps.Keys(all))) {
		fmt.Fprintf(w, "%s\t%s\t%s\t\n", stage, fresh[stage].mean(), again[stage].mean())
	}
	return w.Flush()
}

func (t stageTimes) mean() string {
	if t.runs == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", 1000*t.seconds/t.runs)
}

// inOrder sorts stages as photos pass them; others come first, by name.
func inOrder(stages []string) []string {
	order := []string{"fetch", "recall", "decode", "detect", "landmarks", "matte", "geometry", "check", "compose", "encode", "store"}
	slices.SortFunc(stages, func(a, b string) int {
		if i, j := slices.Index(order, a), slices.Index(order, b); i != j {
			return i - j
		}
		return strings.Compare(a, b)
	})
	return stages
}
