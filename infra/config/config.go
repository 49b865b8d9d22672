// Package config reads every setting of the functions from the environment, once, into one struct.
//
// A bad value stops the start; all bad values are reported together. Secrets (a ledger's password,
// the metrics token) are never repeated in an error.
package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"idphoto/infra/auth"
)

// Config is all settings. The tags are the documentation: name, default. A size is in bytes, a
// time is written like 10s or 2m.
type Config struct {
	// What runs, and where.
	Function  string `env:"FUNCTION"`                         // upload, batch, status, api (all three), process, janitor, monitor; the first argument wins
	Addr      string `env:"ADDR" envDefault:"127.0.0.1:8080"` // of the HTTP server
	Port      string `env:"PORT"`                             // set by Cloud Run: listen on every interface at this port
	PublicURL string `env:"PUBLIC_URL"`                       // prefix of status_url and download_url when the API stands behind another path or host
	LambdaAPI string `env:"AWS_LAMBDA_RUNTIME_API"`           // set by AWS Lambda: take its events instead of listening
	LogLevel  string `env:"LOG_LEVEL" envDefault:"info"`      // debug, info, warn, error
	OTLPURL   string `env:"OTLP_URL"`                         // where traces go (OTLP over HTTP, e.g. http://127.0.0.1:4318); empty: nowhere
	TraceURL  string `env:"TRACE_URL"`                        // of a trace's page, e.g. http://127.0.0.1:16686/trace/{trace}; empty: the monitor has no link

	// What is sent of traces. The rest of them: infra/telemetry says what a task that failed keeps.
	SampleRatio float64       `env:"SAMPLE_RATIO" envDefault:"1"` // share of traces kept whole, 0 to 1; what failed, was retried or slow is always kept
	SlowTask    time.Duration `env:"SLOW_TASK" envDefault:"30s"`  // an attempt that waits and runs so long is slow

	// Who is told when a task dies, a batch ends or a lane is late: a webhook, as package infra/notify says.
	WebhookURL    string   `env:"WEBHOOK_URL"`    // of the receiver; empty: nobody
	WebhookSecret string   `env:"WEBHOOK_SECRET"` // signs the requests; 16 bytes or more
	WebhookHosts  []string `env:"WEBHOOK_HOSTS"`  // names that requests may go to, comma separated; internal ones also by address or prefix
	WebhookEvents []string `env:"WEBHOOK_EVENTS"` // task.dead, batch.ended, lane.late, lane.recovered; empty: all

	// Where things are kept.
	LedgerURL       string `env:"LEDGER_URL" envDefault:"sqlite:data/ledger.db"` // sqlite:FILE, mem://, postgres://...
	BlobsURL        string `env:"BLOBS_URL" envDefault:"file:data/blobs"`        // file:FOLDER, mem://, s3://..., gs://...
	TopicURL        string `env:"TOPIC_URL" envDefault:"mem://express"`          // where upload and janitor publish tasks that somebody waits for
	SubscriptionURL string `env:"SUBSCRIPTION_URL" envDefault:"mem://express"`   // where process pulls them

	// Tasks of batches. Empty: they share the topic above, and express tasks wait behind them.
	BulkTopicURL        string `env:"BULK_TOPIC_URL"`
	BulkSubscriptionURL string `env:"BULK_SUBSCRIPTION_URL"`

	// How long things are kept, from a task's end on; 0: not at all, negative: for ever.
	RetainOriginals time.Duration `env:"RETAIN_ORIGINALS" envDefault:"24h"` // uploaded pictures
	RetainResults   time.Duration `env:"RETAIN_RESULTS" envDefault:"168h"`  // photos, reports, batch manifests
	RetainRows      time.Duration `env:"RETAIN_ROWS" envDefault:"720h"`     // rows of the ledger; not shorter than the others

	// What is accepted.
	MaxImageBytes int64 `env:"MAX_IMAGE_BYTES" envDefault:"20971520"` // one picture
	MaxPixels     int64 `env:"MAX_PIXELS" envDefault:"50000000"`      // width x height of one picture
	BatchFiles    int   `env:"BATCH_FILES" envDefault:"500"`          // pictures of one batch
	BatchBytes    int64 `env:"BATCH_BYTES" envDefault:"1073741824"`   // bytes of one batch
	UploadMemory  int64 `env:"UPLOAD_MEMORY" envDefault:"268435456"`  // all pictures being received together; above: 503 busy
	EventStreams  int64 `env:"EVENT_STREAMS" envDefault:"64"`         // open server-sent event streams; above: 503 busy

	// The work.
	Workers           int           `env:"WORKERS" envDefault:"0"`               // tasks at once; 0: one per CPU
	DecodeMemory      int64         `env:"DECODE_MEMORY" envDefault:"100663296"` // bytes that pictures being decoded take together; big ones wait for each other
	Lease             time.Duration `env:"LEASE" envDefault:"10s"`               // a worker that is silent this long loses its task
	RenewEvery        time.Duration `env:"RENEW_EVERY" envDefault:"3s"`          // how often a lease is renewed
	AttemptTimeout    time.Duration `env:"ATTEMPT_TIMEOUT" envDefault:"60s"`     // bound on one attempt
	MaxAttempts       int           `env:"MAX_ATTEMPTS" envDefault:"4"`          // 1 + retries
	RetryBase         time.Duration `env:"RETRY_BASE" envDefault:"10s"`          // first back-off; doubles, with full jitter
	RetryLimit        time.Duration `env:"RETRY_LIMIT" envDefault:"10m"`         // longest back-off
	RetryKinds        []string      `env:"RETRY_KINDS"`                          // other values for a kind, as photo=4:10s:10m (attempts, base, limit), comma separated
	CanaryEvery       time.Duration `env:"CANARY_EVERY" envDefault:"0s"`         // a small portrait is sent through each lane so often, by whoever has the janitor; 0: never
	DrainTime         time.Duration `env:"DRAIN_TIME" envDefault:"20s"`          // what running work gets after a stop signal
	ExecutionProvider string        `env:"EXECUTION_PROVIDER" envDefault:"cpu"`  // cpu, cuda (or the start fails), auto
	ModelThreads      int           `env:"MODEL_THREADS" envDefault:"0"`         // threads of one network run; 0: the engine's default
	MatteModel        string        `env:"MATTE_MODEL"`                          // matting network's file; empty: the engine's default
	MattePixels       int           `env:"MATTE_PIXELS" envDefault:"0"`          // area of the matting network's input; 0: the engine's default
	TestKinds         bool          `env:"TEST_KINDS"`                           // accept tasks of the kinds noop and crash, for measuring and killing; never in production

	// Who may look.
	PushToken    string `env:"PUSH_TOKEN"`    // what a push subscription must send to process; empty: pushed messages are refused
	MetricsToken string `env:"METRICS_TOKEN"` // bearer token for /metrics; without one only direct loopback peers may read it

	// People, keys and TLS. On any address but the loopback the monitor starts only with people and TLS.
	RequireKeys       bool          `env:"REQUIRE_KEYS"`                  // the interface for pictures asks for a key or a sign-in too
	TLSCert           string        `env:"TLS_CERT"`                      // file of the certificate chain (PEM); with TLS_KEY the server speaks TLS
	TLSKey            string        `env:"TLS_KEY"`                       // file of its key (PEM)
	ProxyTLS          bool          `env:"PROXY_TLS"`                     // a proxy in front speaks TLS, and adds the client to X-Forwarded-For
	AdminPasswordHash string        `env:"ADMIN_PASSWORD_HASH"`           // of the first admin, where there are no people yet: argon2id in PHC form
	SessionTime       time.Duration `env:"SESSION_TIME" envDefault:"12h"` // longest session; one that nobody uses ends after 2 h
	OIDCIssuer        string        `env:"OIDC_ISSUER"`                   // URL of an OpenID provider that people may sign in at
	OIDCClientID      string        `env:"OIDC_CLIENT_ID"`
	OIDCClientSecret  string        `env:"OIDC_CLIENT_SECRET"`
	OIDCRoles         []string      `env:"OIDC_ROLES"` // who gets in there: address=role or @domain=role, comma separated

	Retries        map[string]Retry `env:"-"` // RETRY_KINDS, by kind
	RolesByAddress auth.RoleMap     `env:"-"` // OIDC_ROLES
}

// Read takes the settings from environ, a list of NAME=value as os.Environ returns it.
func Read(environ []string) (*Config, error) {
	var c Config
	unreadable := make(map[string]error)
	if err := env.ParseWithOptions(&c, env.Options{Environment: env.ToMap(environ)}); err != nil {
		if unreadable = byVariable(err); unreadable == nil {
			return nil, fmt.Errorf("settings: %w", err)
		}
	}
	if err := c.validate(unreadable); err != nil {
		return nil, fmt.Errorf("settings:\n%w", err)
	}
	if c.Port != "" {
		c.Addr = net.JoinHostPort("", c.Port)
	}
	if c.Workers == 0 {
		c.Workers = runtime.NumCPU()
	}
	return &c, nil
}

// byVariable splits the parser's error, without the values that it could not read. It returns nil
// for an error that is not about values.
func byVariable(err error) map[string]error {
	all, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return nil
	}
	errs := make(map[string]error)
	for _, e := range all.Errors {
		bad, ok := errors.AsType[env.ParseError](e)
		if !ok {
			return nil
		}
		errs[variable(bad.Name)] = fmt.Errorf("not a valid %s", bad.Type)
	}
	return errs
}

// variable returns the environment variable of a field.
func variable(field string) string {
	if f, ok := reflect.TypeFor[Config]().FieldByName(field); ok {
		return f.Tag.Get("env")
	}
	return field
}

// validate covers what a type cannot say. wrong holds the variables that could not be read; what
// is found here joins them.
func (c *Config) validate(wrong map[string]error) error {
	check := func(name string, ok bool, want string) {
		if _, known := wrong[name]; !known && !ok {
			wrong[name] = errors.New(want)
		}
	}
	oneOf := func(name, value string, allowed ...string) {
		check(name, slices.Contains(allowed, value), fmt.Sprintf("want one of %q", allowed))
	}
	oneOf("FUNCTION", c.Function, "", "upload", "batch", "status", "api", "process", "janitor", "monitor")
	oneOf("LOG_LEVEL", c.LogLevel, "debug", "info", "warn", "error")
	oneOf("EXECUTION_PROVIDER", c.ExecutionProvider, "cpu", "cuda", "auto")
	for name, value := range map[string]string{
		"LEDGER_URL": c.LedgerURL, "BLOBS_URL": c.BlobsURL, "TOPIC_URL": c.TopicURL, "SUBSCRIPTION_URL": c.SubscriptionURL,
	} {
		check(name, isURL(value), "not a URL")
	}
	for name, value := range map[string]string{"BULK_TOPIC_URL": c.BulkTopicURL, "BULK_SUBSCRIPTION_URL": c.BulkSubscriptionURL} {
		check(name, value == "" || isURL(value), "not a URL")
	}
	check("SAMPLE_RATIO", c.SampleRatio >= 0 && c.SampleRatio <= 1, "want a number from 0 to 1")
	check("SLOW_TASK", c.SlowTask > 0, "must be above 0")
	check("OTLP_URL", c.OTLPURL == "" || isURL(c.OTLPURL), "not a URL")
	check("TRACE_URL", c.TraceURL == "" || isURL(c.TraceURL) && strings.Contains(c.TraceURL, "{trace}"), "not a URL with {trace} in it")
	for name, value := range map[string]int64{
		"MAX_IMAGE_BYTES": c.MaxImageBytes, "MAX_PIXELS": c.MaxPixels, "EVENT_STREAMS": c.EventStreams, "DECODE_MEMORY": c.DecodeMemory,
		"LEASE": int64(c.Lease), "RENEW_EVERY": int64(c.RenewEvery), "ATTEMPT_TIMEOUT": int64(c.AttemptTimeout), "MAX_ATTEMPTS": int64(c.MaxAttempts),
		"RETRY_BASE": int64(c.RetryBase), "RETRY_LIMIT": int64(c.RetryLimit), "BATCH_FILES": int64(c.BatchFiles), "BATCH_BYTES": c.BatchBytes, "DRAIN_TIME": int64(c.DrainTime),
	} {
		check(name, value > 0, "must be above 0")
	}
	for name, value := range map[string]int{"WORKERS": c.Workers, "MODEL_THREADS": c.ModelThreads, "MATTE_PIXELS": c.MattePixels} {
		check(name, value >= 0, "must not be below 0")
	}
	check("CANARY_EVERY", c.CanaryEvery == 0 || c.CanaryEvery >= time.Second, "must be 0 or at least 1s")
	var err error
	if c.Retries, err = parseRetries(c.RetryKinds); err != nil {
		check("RETRY_KINDS", false, err.Error())
	}
	c.checkPeople(check)
	check("RENEW_EVERY", c.RenewEvery < c.Lease, "must be shorter than LEASE")
	check("RETAIN_RESULTS", longer(c.RetainResults, c.RetainOriginals), "must not be shorter than RETAIN_ORIGINALS")
	check("RETAIN_ROWS", longer(c.RetainRows, c.RetainResults), "must not be shorter than RETAIN_RESULTS")
	check("UPLOAD_MEMORY", c.UploadMemory >= c.MaxImageBytes, "must hold one picture of MAX_IMAGE_BYTES")

	var errs []error
	for _, name := range slices.Sorted(maps.Keys(wrong)) {
		errs = append(errs, fmt.Errorf("%s: %w", name, wrong[name]))
	}
	return errors.Join(errs...)
}

// longer reports whether a retention covers another; a negative one is for ever.
func longer(a, b time.Duration) bool { return a < 0 || b >= 0 && a >= b }

func isURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != ""
}
