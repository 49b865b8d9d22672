package process

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"idphoto/functions/photo"
	"idphoto/pipeline"
	"idphoto/pipeline/fault"
	"idphoto/queue"
)

// TestPhotosAreCountedByDocument: own sizes are one document, failures and canaries are no photos.
func TestPhotosAreCountedByDocument(t *testing.T) {
	reader := metric.NewManualReader()
	before := otel.GetMeterProvider()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	t.Cleanup(func() { otel.SetMeterProvider(before) })

	var answer error
	s := start(t, photos)
	h := New(runner(func(ctx context.Context, data []byte, r pipeline.Request) (*pipeline.Result, error) {
		made, _ := photos(ctx, data, r)
		return made, answer
	}), s.store, nil)
	inline := func(ctx context.Context, _ string, f func(context.Context) error) error { return f(ctx) }
	run := func(size, label string, err error) {
		t.Helper()
		options, bad := photo.Choose(photo.Order{Size: size})
		if bad != nil {
			t.Fatal(bad)
		}
		raw, _ := json.Marshal(options)
		task := queue.Task{ID: queue.NewID(), Kind: photo.Kind, Label: label, Options: raw}
		task.InputKey = photo.OriginalKey(task.ID)
		if bad := s.store.Write(t.Context(), task.InputKey, "image/png", original()); bad != nil {
			t.Fatal(bad)
		}
		answer = err
		_, _ = h.make(t.Context(), task, queue.TaskPrefix(task.ID)+"1/", inline) // the counters tell
	}
	run("1-inch", "1-inch", nil)
	run("1-inch", "1-inch", fault.New(fault.NoFace, nil))
	run("1-inch", "1-inch", errors.New("the disk is full"))
	run("1-inch", photo.CanaryLabel, fault.New(fault.NoFace, nil))
	run("30x40mm", "30x40mm@300dpi", nil)
	run("31x41mm", "31x41mm@300dpi", nil)

	var got metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int64)
	for _, scope := range got.ScopeMetrics {
		if scope.Scope.Name != "idphoto/functions/process" {
			continue
		}
		for _, m := range scope.Metrics {
			for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
				key := m.Name
				for _, kv := range p.Attributes.ToSlice() {
					key += " " + kv.Value.AsString()
				}
				counts[key] = p.Value
			}
		}
	}
	want := map[string]int64{
		"idphoto.photos.finished succeeded 1-inch": 1, "idphoto.photos.finished rejected 1-inch": 1,
		"idphoto.photos.finished succeeded custom": 2, "idphoto.photos.rejected no_face": 1,
	}
	if !maps.Equal(counts, want) {
		t.Errorf("counters are %v, want %v", counts, want)
	}
}
