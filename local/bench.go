package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/disintegration/imaging"

	"idphoto/models"
	"idphoto/pipeline/picture"
)

// benchCmd measures the whole way over HTTP, from submitting a picture to the finished photo.
//
// Machines differ, so every time is also given in M: one run of MODNet (float) on 512x512 with two
// threads, measured by a process of its own before and after each line.
type benchCmd struct {
	Photo    string  `default:"pipeline/testdata/s17_hopper.jpg" help:"Portrait to send."`
	Large    string  `default:"" help:"A large picture to have among the others; default: the portrait at 12 MP."`
	Pixels   float64 `default:"1.5e6" help:"The portrait is brought to this many pixels."`
	Count    int     `default:"40" help:"Photos per line."`
	InFlight []int   `default:"1,2,8" help:"Photos in flight, a line each."`
	Size     string  `default:"1-inch" help:"Document to make."`
	Workers  int     `default:"0" help:"Photos made at once; 0: one per CPU."`

	Queue    bool   `help:"Measure the queue instead of photos: how soon an idle worker starts, no-op tasks per second, lists and counts."`
	Ledger   string `help:"With --queue: URL of another ledger, an empty one that may be filled."`
	QueueURL string `name:"queue-url" help:"With --queue: URL of another queue, an empty one, e.g. rabbit://bench."`
	Rows     int    `default:"1000000" help:"With --queue and --monitor: tasks in the ledger when lists and pages are measured; with --queue 0: leave that out."`

	Monitor bool `help:"Measure the monitor instead: its pages on --rows tasks, alone, watched by ten people while 200 tasks/s pass, and in a burst."`

	MeasureM bool        `hidden:"" help:"Print one measurement of M in seconds."`
	Engine   engineFlags `embed:""`
}

// Run prints the table.
func (c *benchCmd) Run(ctx context.Context, out io.Writer) error {
	if c.MeasureM {
		return printM(out)
	}
	if c.Queue {
		return (&queueBench{ledger: c.Ledger, queue: c.QueueURL, rows: c.Rows, out: out}).run(ctx)
	}
	if c.Monitor {
		return (&monitorBench{rows: c.Rows, out: out}).run(ctx)
	}
	portrait, large, err := c.pictures()
	if err != nil {
		return err
	}
	// On disk, as the workshop runs by default: pictures kept in memory would count as the work's.
	data, err := os.MkdirTemp("", "idphoto-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(data)
	server, err := Start(ctx, Config{
		Addr: "127.0.0.1:0", Data: data, Workers: c.Workers, Engine: c.Engine.options(),
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	defer server.Close()
	b := &bencher{client: newClient(server.URL), size: c.Size}
	// Warm: networks, pools and connections.
	for range 3 {
		if _, err := b.one(ctx, portrait); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "%s on %s, %d workers; %s from %.1f MP; %d photos a line\n\n",
		server.Engine().Matte, server.Engine().Provider, server.Where.Workers, c.Size, float64(pixels(portrait))/1e6, c.Count)
	if err := c.table(ctx, out, b, portrait, large); err != nil {
		return err
	}
	return c.again(ctx, out, b, portrait)
}

// again measures other photos of a picture that was handed in before, and prints the stages of both
// kinds.
func (c *benchCmd) again(ctx context.Context, out io.Writer, b *bencher, portrait []byte) error {
	fresh, err := b.client.stages(ctx)
	if err != nil {
		return err
	}
	before, err := measureM(ctx)
	if err != nil {
		return err
	}
	seconds, first, err := b.again(ctx, portrait, c.Count)
	if err != nil {
		return err
	}
	after, err := measureM(ctx)
	if err != nil {
		return err
	}
	m := (before + after) / 2
	fmt.Fprintf(out, "\nanother colour of the same picture, %d times, 1 in flight: median %.3f s = %.2f M (M %.3f s), p90 %.3f s\n",
		c.Count, median(seconds), median(seconds)/m, m, quantile(seconds, .9))
	all, err := b.client.stages(ctx)
	if err != nil {
		return err
	}
	return printStages(out, fresh, since(first, all))
}

func (c *benchCmd) table(ctx context.Context, out io.Writer, b *bencher, portrait, large []byte) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "in flight\tM s\tmedian s\tp90 s\tmedian M\tphotos/s\tphotos per M\tpeak MiB\tMiB after 100\tafter all\t")
	type line struct {
		inFlight int
		large    bool
	}
	var lines []line
	for _, n := range c.InFlight {
		lines = append(lines, line{n, false})
	}
	lines = append(lines, line{slices.Max(c.InFlight), true})
	for _, l := range lines {
		before, err := measureM(ctx)
		if err != nil {
			return err
		}
		pictures := [][]byte{portrait}
		label := strconv.Itoa(l.inFlight)
		if l.large {
			pictures = append(slices.Repeat([][]byte{portrait}, 9), large)
			label += fmt.Sprintf(" (each tenth %.0f MP)", float64(pixels(large))/1e6)
		}
		r, err := b.run(ctx, pictures, c.Count, l.inFlight)
		if err != nil {
			return err
		}
		after, err := measureM(ctx)
		if err != nil {
			return err
		}
		m := (before + after) / 2
		rate := float64(c.Count) / r.elapsed.Seconds()
		fmt.Fprintf(w, "%s\t%.3f\t%.3f\t%.3f\t%.2f\t%.2f\t%.2f\t%.0f\t%.0f\t%.0f\t\n", label, m,
			median(r.seconds), quantile(r.seconds, .9), median(r.seconds)/m, rate, rate*m, r.peak, r.after100, r.afterAll)
	}
	return w.Flush()
}

// pictures returns the portrait at the asked size and the large picture, encoded.
func (c *benchCmd) pictures() (portrait, large []byte, err error) {
	data, err := os.ReadFile(c.Photo)
	if err != nil {
		return nil, nil, fmt.Errorf("%w (name a portrait with --photo)", err)
	}
	if portrait, err = enlarge(data, c.Pixels); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.Photo, err)
	}
	if c.Large == "" {
		large, err = enlarge(data, 12e6)
	} else {
		large, err = os.ReadFile(c.Large)
	}
	return portrait, large, err
}

// enlarge returns the picture as a JPEG of about so many pixels.
func enlarge(data []byte, pixels float64) ([]byte, error) {
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	b := img.Bounds()
	scale := math.Sqrt(pixels / float64(b.Dx()*b.Dy()))
	w, h := int(math.Round(float64(b.Dx())*scale)), int(math.Round(float64(b.Dy())*scale))
	var buf bytes.Buffer
	err = jpeg.Encode(&buf, imaging.Resize(img, w, h, imaging.CatmullRom), &jpeg.Options{Quality: 90})
	return buf.Bytes(), err
}

func pixels(data []byte) int {
	info, err := picture.Inspect(data, nil)
	if err != nil {
		return 0
	}
	return info.Width * info.Height
}

// measureM runs printM in a process of its own, so that the float network's memory is not ours.
func measureM(ctx context.Context) (seconds float64, err error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, exe, "bench", "--measure-m")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("measuring M: %w", err)
	}
	return strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
}

// printM prints the median of several runs of MODNet on 512x512 with two threads, in seconds.
func printM(out io.Writer) error {
	rt, err := models.Open(&models.Options{Threads: 2})
	if err != nil {
		return err
	}
	defer rt.Close()
	s, err := rt.Session(models.MODNet)
	if err != nil {
		return err
	}
	in := models.Float32(1, 3, 512, 512)
	var times []float64
	for i := range 9 {
		start := time.Now()
		if _, err := s.Run(in); err != nil {
			return err
		}
		if i >= 2 { // the first ones warm up
			times = append(times, time.Since(start).Seconds())
		}
	}
	_, err = fmt.Fprintf(out, "%.4f\n", median(times))
	return err
}

// quantile returns the q-th quantile of vs by the nearest rank.
func quantile(vs []float64, q float64) float64 {
	vs = slices.Sorted(slices.Values(vs))
	return vs[min(int(q*float64(len(vs))), len(vs)-1)]
}

// errNotFinished marks a task that ended without a photo.
var errNotFinished = errors.New("the task ended without a photo")
