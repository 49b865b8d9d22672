// Command local runs the whole workshop in one process, without any other set-up, and holds the
// tools that need no server.
//
//	go run ./local                    everything on http://127.0.0.1:8080
//	go run ./local --help             all commands and flags
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"idphoto/infra/config"
)

// cli is the command line. Each command stands in a file of its own name.
type cli struct {
	Serve    serveCmd    `cmd:"" default:"withargs" help:"Start everything on one address (the default command)."`
	Photo    photoCmd    `cmd:"" help:"Make one photo, without a server."`
	Sheet    sheetCmd    `cmd:"" help:"Lay finished photos on paper for printing, as JPEG or PDF."`
	Specs    specsCmd    `cmd:"" help:"List the catalogue of documents, or show one record."`
	Batch    batchCmd    `cmd:"" help:"Make a photo of every portrait in a folder."`
	Group    groupCmd    `cmd:"" help:"Make a photo of everybody in a group picture, without a server."`
	Accuracy accuracyCmd `cmd:"" help:"Measure photos against marks made by hand, and mattes against true ones."`
	Contact  contactCmd  `cmd:"" help:"Lay photos of a folder's pictures side by side, to be looked at."`
	Bench    benchCmd    `cmd:"" help:"Measure photos per second, times and memory, over HTTP."`
	Tasks    tasksCmd    `cmd:"" help:"Show, retry, cancel and erase tasks; lanes and workers."`
	Ledger   ledgerCmd   `cmd:"" help:"Back up, restore and verify the ledger."`
	Users    usersCmd    `cmd:"" help:"Add, list and disable people who may use the monitor."`
	Soak     soakCmd     `cmd:"" help:"Let everything go wrong for a while and see that nothing is lost."`
	Drill    drillCmd    `cmd:"" help:"Break one thing per alert, and see each alert fire and clear."`
	Doctor   doctorCmd   `cmd:"" help:"Check networks, ONNX Runtime, execution provider and disk."`

	SoakChild soakChildCmd `cmd:"" hidden:"" help:"One process of the soak."`
}

func main() {
	config.LimitHeap()
	// The first signal stops in order, a second one at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "idphoto:", err)
		os.Exit(1)
	}
}

// run parses args and runs the command they name. A command takes ctx, which ends on a signal, and
// out as it likes.
func run(ctx context.Context, args []string, out io.Writer) error {
	var c cli
	parser, err := kong.New(&c, kong.Name("local"), kong.UsageOnError(), kong.Writers(out, os.Stderr),
		kong.Description("ID photos: a portrait goes in, a photo that meets a document's specification comes out."))
	if err != nil {
		return err
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return err
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.BindTo(out, (*io.Writer)(nil))
	return parsed.Run()
}
