package telemetry

import (
	"context"
	"fmt"
	"runtime"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// buildInfo adds idphoto_build_info, a 1 whose labels say what was built: a chart that joins it
// shows which version a change came with.
func buildInfo(meters metric.MeterProvider, version string) error {
	what := metric.WithAttributes(attribute.String("version", version), attribute.String("goversion", runtime.Version()))
	_, err := meters.Meter("idphoto/infra/telemetry").Int64ObservableGauge("idphoto.build_info", metric.WithDescription("What was built."),
		metric.WithInt64Callback(func(_ context.Context, to metric.Int64Observer) error {
			to.Observe(1, what)
			return nil
		}))
	if err != nil {
		return fmt.Errorf("telling the version: %w", err)
	}
	return nil
}
