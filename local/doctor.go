package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"text/tabwriter"

	"golang.org/x/sys/unix"

	"idphoto/models"
)

// doctorCmd checks what the workshop needs on this machine and says what it found.
type doctorCmd struct {
	Data   string      `default:"./data" type:"path" help:"Folder of the ledger and the pictures."`
	Engine engineFlags `embed:""`
}

// Run prints one line per check. It returns an error when a check failed.
func (c *doctorCmd) Run(_ context.Context, out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	var failed []error
	say := func(what, found string, err error) {
		verdict := "ok"
		if err != nil {
			verdict, found = "FAILED", err.Error()
			failed = append(failed, fmt.Errorf("%s: %w", what, err))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", verdict, what, found)
	}
	say("machine", fmt.Sprintf("%s/%s, %d CPUs, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version()), nil)
	c.engine(say)
	free, err := freeSpace(c.Data)
	say("disk", fmt.Sprintf("%s: %.1f GiB free, writable", c.Data, free), err)
	return errors.Join(w.Flush(), errors.Join(failed...))
}

// engine checks the runtime library, the execution provider and every network.
func (c *doctorCmd) engine(say func(what, found string, err error)) {
	rt, err := models.Open(&c.Engine.options().Models)
	if err != nil {
		say("networks", "", err)
		return
	}
	defer rt.Close()
	provider, why := rt.Provider()
	say("ONNX Runtime", fmt.Sprintf("%s from %s", rt.Version(), rt.Library()), nil)
	say("execution provider", fmt.Sprintf("%s (%s)", provider, why), nil)
	all, err := models.Manifest()
	if err != nil {
		say("manifest", "", err)
		return
	}
	for _, m := range all {
		_, err := rt.Session(m.Name)
		say("network "+m.Name, fmt.Sprintf("%s, %.1f MB, sha256 %s... as in the manifest, opens", m.Licence, float64(m.Bytes)/1e6, m.SHA256[:12]), err)
	}
}

// freeSpace returns the GiB free where dir is or would be, after writing and removing a file there.
func freeSpace(dir string) (float64, error) {
	for {
		if fi, err := os.Stat(dir); err == nil && fi.IsDir() {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			return 0, fmt.Errorf("no folder above %s exists", dir)
		}
		dir = up
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
		return 0, err
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return float64(st.Bavail) * float64(st.Bsize) / (1 << 30), nil
}
