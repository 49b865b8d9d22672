package process

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"idphoto/pipeline"
)

// Announce says in the log, and as the metric idphoto_engine_info, which networks compute and
// where: with the execution provider auto nobody could know otherwise. Readiness says it too.
func Announce(ctx context.Context, s pipeline.Status, log *slog.Logger) error {
	log.InfoContext(ctx, "networks opened", "matte", s.Matte, "execution_provider", s.Provider, "reason", s.Reason, "onnxruntime", s.Runtime)
	labels := metric.WithAttributes(
		attribute.String("execution_provider", string(s.Provider)),
		attribute.String("matte", s.Matte),
		attribute.String("onnxruntime", s.Runtime),
	)
	_, err := otel.Meter("idphoto/functions/process").Int64ObservableGauge("idphoto.engine.info",
		metric.WithDescription("1; the labels say which networks compute and where."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(1, labels)
			return nil
		}))
	return err
}
