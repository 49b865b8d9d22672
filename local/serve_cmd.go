package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"idphoto/functions/monitor"
	"idphoto/infra/telemetry"
)

// serveCmd starts everything and prints one screen about it.
type serveCmd struct {
	Addr     string `default:"127.0.0.1:8080" help:"Where to listen."`
	Data     string `default:"./data" type:"path" help:"Folder of the ledger and the pictures."`
	Memory   bool   `help:"Keep everything in memory: nothing on disk, all gone at the end."`
	Queue    string `help:"URL of another queue, e.g. rabbit://tasks; topic and subscription alike."`
	Bulk     string `name:"queue-bulk" help:"URL of another queue for the tasks of batches; default: they share --queue."`
	Blobs    string `help:"URL of another picture store, e.g. s3://bucket?region=eu-central-1."`
	Ledger   string `help:"URL of another ledger, e.g. postgres://user@host/db."`
	OTLP     string `name:"otlp" help:"Where traces go, e.g. http://127.0.0.1:4318."`
	TLSCert  string `name:"tls-cert" type:"path" help:"Certificate chain (PEM): speak TLS. Needed, or PROXY_TLS=true, to listen anywhere but on this machine."`
	TLSKey   string `name:"tls-key" type:"path" help:"Its key (PEM)."`
	Workers  int    `help:"Photos made at once; 0: one per CPU."`
	LogLevel string `default:"warn" enum:"debug,info,warn,error" env:"LOG_LEVEL" help:"What to log: debug, info, warn or error."`

	Engine engineFlags `embed:""`
}

// Run serves until ctx is done, then stops in order.
func (c *serveCmd) Run(ctx context.Context, out io.Writer) error {
	server, err := Start(ctx, Config{
		Addr: c.Addr, Data: c.Data, Memory: c.Memory, Queue: c.Queue, QueueBulk: c.Bulk, Blobs: c.Blobs, Ledger: c.Ledger, OTLP: c.OTLP,
		TLSCert: c.TLSCert, TLSKey: c.TLSKey,
		Workers: c.Workers, Engine: c.Engine.options(), Environ: os.Environ(),
		Log: telemetry.NewLogger(os.Stderr, telemetry.Level(c.LogLevel)),
	})
	if err != nil {
		return err
	}
	if err := c.screen(out, server); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case <-ctx.Done():
		fmt.Fprintln(out, "\nStopping: running work is finished or handed back.")
	case <-server.Done():
	}
	return server.Close()
}

// screen says what runs and where.
func (c *serveCmd) screen(out io.Writer, s *Server) error {
	engine := s.Engine()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"page", s.URL + "/"},
		{"monitor", s.URL + monitor.Base + "/" + firstSignIn(s)},
		{"interface", s.URL + "/api/v1 (description: /api/v1/openapi.json)"},
		{"health", s.URL + "/readyz, /healthz, /metrics"},
		{"ledger", s.Where.Ledger},
		{"pictures", s.Where.Blobs},
		{"queue", s.Where.Queue},
		{"traces", s.Where.OTLP},
		{"workers", fmt.Sprintf("%d", s.Where.Workers)},
		{"networks", fmt.Sprintf("%s on %s (ONNX Runtime %s)", engine.Matte, engine.Provider, engine.Runtime)},
	} {
		fmt.Fprintf(w, "  %s\t%s\n", row[0], row[1])
	}
	if _, err := fmt.Fprintln(out, "ID photo workshop"); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, "Stop with Ctrl-C.")
	return err
}

// firstSignIn tells the password of the admin that this start has made.
func firstSignIn(s *Server) string {
	if s.FirstPassword == "" {
		return ""
	}
	return " (sign in as admin, password " + s.FirstPassword + ", shown this once)"
}
