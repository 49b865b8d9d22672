package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestBenchMeasuresAgain has the bench's client make other photos of one picture, and reads which
// stages each kind of photo passes.
func TestBenchMeasuresAgain(t *testing.T) {
	s := serve(t, Config{Memory: true})
	data, err := os.ReadFile(hopper)
	if err != nil {
		t.Fatal(err)
	}
	b := &bencher{client: newClient(s.URL), size: "1-inch"}
	t.Cleanup(b.client.http.CloseIdleConnections)
	seconds, fresh, err := b.again(t.Context(), data, 2)
	if err != nil || len(seconds) != 2 || seconds[0] <= 0 {
		t.Fatalf("times are %v, %v", seconds, err)
	}
	all, err := b.client.stages(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := printStages(&table, fresh, since(fresh, all)); err != nil {
		t.Fatal(err)
	}
	var stages []string
	for row := range strings.Lines(table.String()) {
		if f := strings.Fields(row); len(f) == 3 {
			stages = append(stages, f[0])
			if network := f[0] == "detect" || f[0] == "landmarks" || f[0] == "matte"; network != (f[2] == "-") && f[0] != "decode" && f[0] != "recall" {
				t.Errorf("another photo of the same picture: %s", row)
			}
		}
	}
	if got := strings.Join(stages, " "); got != "fetch recall decode detect landmarks matte geometry check compose encode store" {
		t.Errorf("the stages are %s\n%s", got, &table)
	}
}
