// Package models holds the networks, checks that they are the ones we know, and runs them in
// ONNX Runtime.
//
// A Runtime is opened once per process and hands out Sessions, which may be used from many
// goroutines at once: ONNX Runtime's Run is safe for that, and each call brings its own tensors.
//
// # Execution provider
//
// CUDA either works or stops the start: it never falls back to the CPU silently. Auto tries CUDA
// and says through Runtime.Provider what it took.
//
// # Memory
//
// All sessions share one arena, which keeps the peak of what runs side by side. An arena for each
// session keeps the sum of their peaks instead; without an arena every run pays for fresh pages
// (measured: a fifth more time). Memory patterns are off: they plan for each shape apart.
package models

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	ort "github.com/yalue/onnxruntime_go"
)

// Provider names an ONNX Runtime execution provider, or the choice between them.
type Provider string

const (
	CPU  Provider = "cpu"
	CUDA Provider = "cuda"
	Auto Provider = "auto" // CUDA when it works, else the CPU
)

// Options says where things are and where to compute. The zero value finds the files by itself
// and uses the CPU.
type Options struct {
	Dir      string   // folder of the networks; default FindDir
	Library  string   // ONNX Runtime's shared library; default FindLibrary
	Provider Provider // default CPU
	Threads  int      // threads of one Run while one piece of work is under way; default 2. Beside others it takes one
}

// Runtime is ONNX Runtime, loaded, with a choice of execution provider.
type Runtime struct {
	opts     Options
	provider Provider
	reason   string

	working  atomic.Int32 // pieces of work under way
	mu       sync.Mutex
	sessions []*Session
}

// environment is ONNX Runtime's process-wide state: loaded by the first Runtime, kept for good,
// since unloading the library while a thread of its pool ends is unsafe.
var environment struct {
	sync.Mutex
	library string
}

func loadLibrary(path string) error {
	environment.Lock()
	defer environment.Unlock()
	if environment.library == path {
		return nil
	}
	if environment.library != "" {
		return fmt.Errorf("ONNX Runtime is already loaded from %s", environment.library)
	}
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return fmt.Errorf("loading ONNX Runtime from %s: %w", path, err)
	}
	if err := shareArena(); err != nil {
		return fmt.Errorf("ONNX Runtime's memory: %w", err)
	}
	environment.library = path
	return nil
}

// shareArena gives all sessions one arena that grows by what is asked for: ArenaCfg's second
// argument 1 is kSameAsRequested.
func shareArena() error {
	info, err := ort.GetMemoryInfo()
	if err != nil {
		return err
	}
	cfg, err := ort.NewArenaCfg(0, 1, -1, -1)
	if err != nil {
		return err
	}
	defer cfg.Destroy()
	return ort.CreateAndRegisterAllocator(info, cfg)
}

// Open loads ONNX Runtime and settles the execution provider.
func Open(opts *Options) (*Runtime, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	var err error
	if o.Dir == "" {
		if o.Dir, err = FindDir(); err != nil {
			return nil, err
		}
	}
	if o.Library == "" {
		if o.Library, err = FindLibrary(); err != nil {
			return nil, err
		}
	}
	if o.Threads <= 0 {
		o.Threads = min(2, runtime.NumCPU())
	}
	if err := loadLibrary(o.Library); err != nil {
		return nil, err
	}
	r := &Runtime{opts: o}
	return r, r.chooseProvider()
}

func (r *Runtime) chooseProvider() error {
	switch r.opts.Provider {
	case CPU, "":
		r.provider, r.reason = CPU, "asked for"
		return nil
	case CUDA, Auto:
	default:
		return fmt.Errorf("execution provider %q: want cpu, cuda or auto", r.opts.Provider)
	}
	err := r.probeCUDA()
	switch {
	case err == nil:
		r.provider, r.reason = CUDA, "CUDA answered"
		return nil
	case r.opts.Provider == CUDA:
		return fmt.Errorf("execution provider cuda was asked for and cannot be used: %w", err)
	}
	r.provider, r.reason = CPU, "CUDA cannot be used: "+err.Error()
	return nil
}

// probeCUDA opens and runs the smallest network on CUDA, so that a missing driver, library or
// device is found at the start and not with the first photo.
func (r *Runtime) probeCUDA() error {
	r.provider = CUDA
	s, err := r.Session(SelfieSegmentation)
	if err != nil {
		return err
	}
	defer s.close()
	in := Float32(1, 256, 256, 3)
	_, err = s.Run(in)
	return err
}

// Provider tells which execution provider computes, and why it was taken.
func (r *Runtime) Provider() (p Provider, why string) { return r.provider, r.reason }

// Version returns ONNX Runtime's version.
func (r *Runtime) Version() string { return ort.GetVersion() }

// Library returns the path of the shared library in use.
func (r *Runtime) Library() string { return r.opts.Library }

// Dir returns the folder of the networks.
func (r *Runtime) Dir() string { return r.opts.Dir }

// Begin says that a piece of work begins, such as a photo: networks and what lies between them. The
// caller calls end when it is over.
func (r *Runtime) Begin() (end func()) {
	r.working.Add(1)
	return func() { r.working.Add(-1) }
}

// Close ends every session. No Run may be under way.
func (r *Runtime) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, s := range r.sessions {
		errs = append(errs, s.close())
	}
	r.sessions = nil
	return errors.Join(errs...)
}

func (r *Runtime) sessionOptions(threads int) (*ort.SessionOptions, error) {
	so, err := ort.NewSessionOptions()
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		so.SetIntraOpNumThreads(threads),
		so.SetInterOpNumThreads(1),
		so.SetCpuMemArena(true),
		so.SetMemPattern(false),
		// A pool that spins while it waits takes the core from the photo beside it.
		so.AddSessionConfigEntry("session.use_env_allocators", "1"),
		so.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"),
	)
	if err == nil && r.provider == CUDA {
		err = appendCUDA(so)
	}
	if err != nil {
		so.Destroy()
		return nil, err
	}
	return so, nil
}

func appendCUDA(so *ort.SessionOptions) error {
	cuda, err := ort.NewCUDAProviderOptions()
	if err != nil {
		return err
	}
	defer cuda.Destroy()
	if dev := os.Getenv("CUDA_DEVICE"); dev != "" {
		if err := cuda.Update(map[string]string{"device_id": dev}); err != nil {
			return err
		}
	}
	return so.AppendExecutionProviderCUDA(cuda)
}
