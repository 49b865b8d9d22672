package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"

	"idphoto/functions/batch"
	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/infra/telemetry"
	"idphoto/local/folder"
)

// batchCmd makes a photo of every portrait in a folder.
type batchCmd struct {
	Dir        string `arg:"" type:"existingdir" help:"Folder of portraits."`
	Out        string `short:"o" required:"" type:"path" help:"Folder for the photos; made when missing."`
	Size       string `default:"1-inch" help:"Document: an id or alias, such as 1-inch, 一寸, passport-35x45."`
	Background string `default:"" help:"Colour by name or #RRGGBB, original, or transparent (PNG); default: the document's own."`
	Recursive  bool   `short:"r" help:"Look into folders, and keep them among the photos."`
	Again      bool   `help:"Try again the pictures that were refused in an earlier run."`
	Name       string `help:"What operators see the batches as; not a person's name."`
	URL        string `help:"Use this running server, e.g. http://127.0.0.1:8080, instead of starting everything here."`
	Data       string `type:"path" help:"Folder of ledger and pictures; default: a temporary one."`
	Workers    int    `help:"Photos made at once; 0: one per CPU."`
	Lang       string `default:"en" enum:"en,zh" help:"Language: en or zh."`

	Wishes wishFlags   `embed:""`
	Engine engineFlags `embed:""`
}

// Run makes the photos and tells what became of each picture. The error is not nil when some picture has
// no photo, or one that somebody has to look at first.
func (c *batchCmd) Run(ctx context.Context, out io.Writer) error {
	lang := problem.Language(c.Lang)
	if c.URL == "" {
		if _, err := c.choose(); err != nil {
			return inWords(err, lang)
		}
	}
	url, release, stop, err := c.server(ctx)
	if err != nil {
		return err
	}
	bar := &bar{out: out}
	start := time.Now()
	sum, err := folder.Run(ctx, folder.Job{
		Dir: c.Dir, Out: c.Out, Size: c.Size, Background: c.Background, Wishes: c.Wishes.fields(), Transparent: c.transparent(), Recursive: c.Recursive, Again: c.Again,
		Name: c.Name, URL: url, Forget: c.URL == "", Release: release, Language: lang, Plan: bar.plan, Step: bar.step,
	})
	bar.end()
	stopped := ctx.Err() != nil // before the server here is stopped
	closed := stop()
	if err != nil && !stopped {
		return errors.Join(err, closed)
	}
	if err := c.tell(out, sum, time.Since(start)); err != nil {
		return err
	}
	switch {
	case stopped:
		return errors.New(say(lang, "stopped", sum.Left))
	case len(sum.Failures) > 0:
		return errors.Join(errors.New(say(lang, "see", len(sum.Failures), filepath.Join(c.Out, folder.FailuresFile))), closed)
	case len(sum.Held) > 0:
		return errors.Join(errors.New(say(lang, "look", len(sum.Held), filepath.Join(c.Out, folder.FailuresFile))), closed)
	}
	return closed
}

// transparent reports whether the photos will be PNG. The server decides; this only names files.
func (c *batchCmd) transparent() bool {
	chosen, err := c.choose()
	return err == nil && chosen.Background == "transparent"
}

func (c *batchCmd) choose() (photo.Options, error) {
	order, err := c.Wishes.order(c.Size, c.Background)
	if err != nil {
		return photo.Options{}, err
	}
	return photo.Choose(order)
}

// server returns the address of the server to use, and when it is ours what has it hand out a held photo
// and what stops it.
func (c *batchCmd) server(ctx context.Context) (url string, release func(context.Context, string) error, stop func() error, err error) {
	if c.URL != "" {
		return c.URL, nil, func() error { return nil }, nil
	}
	data, tidy := c.Data, func() error { return nil }
	if data == "" {
		if data, err = os.MkdirTemp("", "idphoto-batch-*"); err != nil {
			return "", nil, nil, err
		}
		tidy = func() error { return os.RemoveAll(data) }
	}
	s, err := Start(ctx, Config{
		Addr: "127.0.0.1:0", Data: data, Workers: c.Workers, Engine: c.Engine.options(), Environ: os.Environ(),
		Log: telemetry.NewLogger(os.Stderr, slog.LevelError),
	})
	if err != nil {
		return "", nil, nil, errors.Join(err, tidy())
	}
	release = func(ctx context.Context, taskID string) error { return accept(ctx, &storeFlags{Data: data}, taskID) }
	return s.URL, release, func() error { return errors.Join(s.Close(), tidy()) }, nil
}

// accept makes a held task's photo good.
func accept(ctx context.Context, f *storeFlags, taskID string) error {
	l, err := f.openLedger(ctx)
	if err != nil {
		return err
	}
	_, err = l.Accept(ctx, taskID)
	return errors.Join(err, l.Close())
}

// phrases are what the command says, beside the sentences of the table of problems. Each has the
// form for one and the form for many.
var phrases = map[problem.Language]map[string][2]string{
	problem.English: {
		"none":    {"There are no pictures in %[2]s.", "There are no pictures in %[2]s."},
		"made":    {"%d photo made in %s: it is in %s.", "%d photos made in %s: they are in %s."},
		"kept":    {"%d photo was there from an earlier run.", "%d photos were there from an earlier run."},
		"failed":  {"%d picture has no photo:", "%d pictures have no photo:"},
		"old":     {"%d picture was refused in an earlier run and not tried again (--again does).", "%d pictures were refused in an earlier run and not tried again (--again does)."},
		"others":  {"%d other file was left alone: %s.", "%d other files were left alone: %s."},
		"folders": {"%d folder was not looked into (--recursive does).", "%d folders were not looked into (--recursive does)."},
		"renamed": {"%d photo has another name than its picture, because that was taken: %s.", "%d photos have other names than their pictures, because those were taken: %s."},
		"held":    {"%d photo is held until somebody has looked at it:", "%d photos are held until somebody has looked at them:"},
		"see":     {"%d picture has no photo, see %s", "%d pictures have no photo, see %s"},
		"look":    {"%d photo is held until somebody has looked at it, see %s", "%d photos are held until somebody has looked at them, see %s"},
		"stopped": {"stopped; %d picture is left: the same command goes on with it", "stopped; %d pictures are left: the same command goes on with them"},
	},
	problem.Chinese: {
		"none":    {"%[2]s 中没有照片。", "%[2]s 中没有照片。"},
		"made":    {"已制作 %d 张证件照，用时 %s，保存在 %s。", "已制作 %d 张证件照，用时 %s，保存在 %s。"},
		"kept":    {"%d 张证件照在之前运行时已完成。", "%d 张证件照在之前运行时已完成。"},
		"failed":  {"%d 张照片未能制作：", "%d 张照片未能制作："},
		"old":     {"其中 %d 张在之前运行时已被拒绝，本次没有重试（重试请加 --again）。", "其中 %d 张在之前运行时已被拒绝，本次没有重试（重试请加 --again）。"},
		"others":  {"%d 个其他文件未处理：%s。", "%d 个其他文件未处理：%s。"},
		"folders": {"%d 个子文件夹未处理（处理子文件夹请加 --recursive）。", "%d 个子文件夹未处理（处理子文件夹请加 --recursive）。"},
		"renamed": {"%d 张证件照因重名而另起了名字：%s。", "%d 张证件照因重名而另起了名字：%s。"},
		"held":    {"%d 张证件照待人工查看：", "%d 张证件照待人工查看："},
		"see":     {"%d 张照片未能制作，详见 %s", "%d 张照片未能制作，详见 %s"},
		"look":    {"%d 张证件照待人工查看，详见 %s", "%d 张证件照待人工查看，详见 %s"},
		"stopped": {"已停止，还有 %d 张照片未处理：再次运行同一命令即可继续", "已停止，还有 %d 张照片未处理：再次运行同一命令即可继续"},
	},
}

// say gives the phrase for n things.
func say(lang problem.Language, phrase string, n int, more ...any) string {
	forms := phrases[lang][phrase]
	form := forms[1]
	if n == 1 {
		form = forms[0]
	}
	return fmt.Sprintf(form, append([]any{n}, more...)...)
}

// tell prints what became of the pictures, for people.
func (c *batchCmd) tell(out io.Writer, s folder.Summary, took time.Duration) error {
	var lines []string
	add := func(phrase string, n int, more ...any) {
		if n > 0 {
			lines = append(lines, say(problem.Language(c.Lang), phrase, n, more...))
		}
	}
	if s.Made+s.Kept+len(s.Failures)+len(s.Held)+s.Left == 0 {
		add("none", 1, c.Dir)
	}
	add("made", s.Made, took.Round(100*time.Millisecond), c.Out)
	add("kept", s.Kept)
	add("renamed", len(s.Renamed), shortList(s.Renamed))
	list := func(phrase string, items []batch.Item) {
		add(phrase, len(items))
		for _, i := range items {
			lines = append(lines, fmt.Sprintf("  %s: %s (%s)", i.Name, strings.TrimSpace(i.Message+" "+i.Advice), i.Code))
		}
	}
	list("failed", s.Failures)
	list("held", s.Held)
	add("old", s.Old)
	add("others", len(s.Others), shortList(s.Others))
	add("folders", s.Folders)
	_, err := fmt.Fprintln(out, strings.Join(lines, "\n"))
	return err
}

func shortList(names []string) string {
	const most = 10
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + ", ..."
}

// bar shows progress where out is a terminal.
type bar struct {
	out io.Writer
	bar *progressbar.ProgressBar
}

func (b *bar) plan(total int) {
	file, ok := b.out.(*os.File)
	visible := ok && isatty.IsTerminal(file.Fd()) && total > 0
	b.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(b.out), progressbar.OptionSetVisibility(visible), progressbar.OptionSetDescription("photos"),
		progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionSetWidth(30), progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(), progressbar.OptionSetRenderBlankState(true))
}

// A bar that cannot be drawn is no reason to stop.
func (b *bar) step() { _ = b.bar.Add(1) }

func (b *bar) end() {
	if b.bar != nil {
		_ = b.bar.Clear()
	}
}
