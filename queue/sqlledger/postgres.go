package sqlledger

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/XSAM/otelsql"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/trace"
	"gocloud.dev/postgres"
	_ "gocloud.dev/postgres/awspostgres" // RDS by IAM: the scheme awspostgres
	_ "gocloud.dev/postgres/gcppostgres" // Cloud SQL by its proxy: the scheme gcppostgres
)

// telemetry is what a statement adds to a trace: one span, and only below a span that is recorded.
// Sweeps and heartbeats, which belong to no trace, would otherwise each start one. Package queue
// has the metrics.
var telemetry = []otelsql.Option{
	otelsql.WithMeterProvider(noop.NewMeterProvider()),
	otelsql.WithSpanOptions(otelsql.SpanOptions{
		OmitConnResetSession: true,
		OmitConnPrepare:      true,
		OmitRows:             true,
		OmitConnectorConnect: true,
		SpanFilter: func(ctx context.Context, _ otelsql.Method, _ string, _ []driver.NamedValue) bool {
			return trace.SpanFromContext(ctx).IsRecording()
		},
	}),
}

// connectPostgres opens a pool through the Go CDK.
func connectPostgres(ctx context.Context, rawURL string) (*Ledger, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("sqlledger: the postgres URL cannot be parsed")
	}
	conns := 10
	params := u.Query()
	if s := params.Get("pool"); s != "" {
		if conns, err = strconv.Atoi(s); err != nil || conns < 1 {
			return nil, fmt.Errorf("sqlledger: pool=%q; want a number of connections", s)
		}
		params.Del("pool")
	}
	open := postgres.DefaultURLMux().OpenPostgresURL
	if u.Scheme == "postgres" || u.Scheme == "postgresql" {
		open = (&postgres.URLOpener{TraceOpts: telemetry}).OpenPostgresURL
		if !params.Has("connect_timeout") { // the driver would wait for a host that does not answer, whatever ctx says
			params.Set("connect_timeout", "10")
		}
	}
	u.RawQuery = params.Encode()
	db, err := open(ctx, u)
	if err != nil {
		return nil, fmt.Errorf("sqlledger: opening a ledger by %s: %w", u.Scheme, withoutPassword(err, u))
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	both := &statements{db: db}
	return &Ledger{write: both, read: both, d: postgresDialect()}, nil
}

// withoutPassword is err, unless its text shows the URL's password.
func withoutPassword(err error, u *url.URL) error {
	if password, ok := u.User.Password(); ok && password != "" && strings.Contains(err.Error(), password) {
		return errors.New("the cause shows the password and is left out")
	}
	return err
}
