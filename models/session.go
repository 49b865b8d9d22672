package models

import (
	"errors"
	"fmt"

	ort "github.com/yalue/onnxruntime_go"
)

// Tensor is a dense float32 array in row-major order.
type Tensor struct {
	Shape []int64
	Data  []float32
}

// Float32 returns a tensor of zeros.
func Float32(shape ...int64) Tensor {
	return Tensor{Shape: shape, Data: make([]float32, ort.Shape(shape).FlattenedSize())}
}

// Session is one network, ready to run from many goroutines.
type Session struct {
	name    string
	runtime *Runtime
	outputs int

	// While at most one piece of work is under way (Runtime.Begin) runs take wide, with all of
	// Options.Threads; beside others narrow, with one thread, is better: it takes no core that
	// they use. They are the same where Threads is 1.
	wide, narrow *ort.DynamicAdvancedSession
}

// Session checks the named network's hash and opens it. It ends with the Runtime.
func (r *Runtime) Session(name string) (*Session, error) {
	data, err := read(r.opts.Dir, name)
	if err != nil {
		return nil, err
	}
	ins, outs, err := ort.GetInputOutputInfoWithONNXData(data)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", name, err)
	}
	s := &Session{name: name, runtime: r, outputs: len(outs)}
	open := func(threads int) (*ort.DynamicAdvancedSession, error) {
		so, err := r.sessionOptions(threads)
		if err != nil {
			return nil, fmt.Errorf("model %s: %w", name, err)
		}
		defer so.Destroy()
		session, err := ort.NewDynamicAdvancedSessionWithONNXData(data, names(ins), names(outs), so)
		if err != nil {
			return nil, fmt.Errorf("model %s: %w", name, err)
		}
		return session, nil
	}
	if s.narrow, err = open(1); err != nil {
		return nil, err
	}
	s.wide = s.narrow
	if r.opts.Threads > 1 && r.provider == CPU {
		if s.wide, err = open(r.opts.Threads); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	r.mu.Lock()
	r.sessions = append(r.sessions, s)
	r.mu.Unlock()
	return s, nil
}

func names(infos []ort.InputOutputInfo) []string {
	ns := make([]string, len(infos))
	for i, info := range infos {
		ns[i] = info.Name
	}
	return ns
}

// Run computes the network's outputs, in the order of the file, from its inputs.
func (s *Session) Run(inputs ...Tensor) ([]Tensor, error) {
	ins := make([]ort.Value, len(inputs))
	for i, t := range inputs {
		v, err := ort.NewTensor(ort.Shape(t.Shape), t.Data)
		if err != nil {
			return nil, fmt.Errorf("model %s, input %d: %w", s.name, i, err)
		}
		defer v.Destroy()
		ins[i] = v
	}
	session := s.narrow
	if s.runtime.working.Load() <= 1 {
		session = s.wide
	}
	outs := make([]ort.Value, s.outputs)
	if err := session.Run(ins, outs); err != nil {
		return nil, fmt.Errorf("running model %s: %w", s.name, err)
	}
	results := make([]Tensor, len(outs))
	for i, v := range outs {
		defer v.Destroy()
		t, ok := v.(*ort.Tensor[float32])
		if !ok {
			return nil, fmt.Errorf("model %s, output %d is a %T, want float32", s.name, i, v)
		}
		// The binding has copied the data into Go memory, which outlives the value.
		results[i] = Tensor{Shape: t.GetShape(), Data: t.GetData()}
	}
	return results, nil
}

func (s *Session) close() error {
	if s.narrow == nil {
		return nil
	}
	err := s.narrow.Destroy()
	if s.wide != nil && s.wide != s.narrow {
		err = errors.Join(err, s.wide.Destroy())
	}
	s.narrow, s.wide = nil, nil
	return err
}
