package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"
)

// child is a process of the soak.
type child struct {
	role   string
	spared bool  // never killed: its memory is watched
	memory []int // MiB resident, once it is warm
	began  time.Time
	cmd    *exec.Cmd
	stdin  io.Closer
	ended  chan error // gets Wait's error
}

// start starts the child anew.
func (s *soaker) start(c *child) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	o := s.order
	o.Role, o.Gentle = c.role, c.spared
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	c.cmd = exec.Command(exe, "soak-child")
	c.cmd.Env = append(os.Environ(), soakOrderEnv+"="+string(text))
	c.cmd.Stderr = os.Stderr
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	c.began, c.ended = time.Now(), make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan<- error) { ended <- cmd.Wait() }(c.cmd, c.ended)
	return nil
}

// startCrew starts all processes; the first of each role is spared.
func (s *soaker) startCrew() error {
	if s.crew == nil {
		for i := range s.cmd.Workers {
			s.crew = append(s.crew, &child{role: "worker", spared: i == 0})
		}
		for i := range s.cmd.Janitors {
			s.crew = append(s.crew, &child{role: "janitor", spared: i == 0})
		}
	}
	for _, c := range s.crew {
		if err := s.start(c); err != nil {
			return err
		}
	}
	return nil
}

// stopCrew stops all processes in order. One that does not end, or ends with an error, is a
// violation.
func (s *soaker) stopCrew() error {
	var errs []error
	for _, c := range s.crew {
		if c.ended != nil {
			errs = append(errs, c.cmd.Process.Signal(syscall.SIGTERM))
		}
	}
	for _, c := range s.crew {
		if c.ended == nil {
			continue
		}
		select {
		case err := <-c.ended:
			if err != nil && !s.expected(c, err) && !(signalOf(err) == syscall.SIGTERM && time.Since(c.began) < deafFor) {
				s.violation("a %s that was told to stop ended with %v", c.role, err)
			}
		case <-time.After(20 * time.Second):
			s.violation("a %s that was told to stop did not", c.role)
			errs = append(errs, c.cmd.Process.Kill())
			<-c.ended
		}
		errs = append(errs, c.stdin.Close())
		c.ended = nil
	}
	for i, err := range errs {
		if errors.Is(err, os.ErrProcessDone) || errors.Is(err, os.ErrClosed) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}

// expected: a crash task may kill a worker at any time, or hang until the worker gives itself up.
func (s *soaker) expected(c *child, err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || c.role != "worker" {
		return false
	}
	return signalOf(err) == syscall.SIGKILL || exit.ExitCode() == exitStuck
}

// deafFor is how long a new process may take until it listens to signals: one that comes earlier
// ends it at once, which harms nothing.
const deafFor = 5 * time.Second

// signalOf is the signal that ended a process; -1 for none.
func signalOf(err error) syscall.Signal {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return status.Signal()
		}
	}
	return -1
}

// revive starts again what a crash task killed.
func (s *soaker) revive() error {
	for _, c := range s.crew {
		select {
		case err := <-c.ended:
			c.ended = nil
			c.stdin.Close()
			if err == nil || !s.expected(c, err) {
				s.violation("a %s ended by itself: %v", c.role, err)
			}
			s.note("workers that a task crashed or hung", 1)
			c.memory = nil // a new process: its memory is not the old one's
			if err := s.start(c); err != nil {
				return err
			}
		default:
		}
	}
	return nil
}

// kill ends a child as the kernel does, and starts it again.
func (s *soaker) kill(c *child) error {
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-c.ended
	c.stdin.Close()
	s.note(fmt.Sprintf("%ss killed", c.role), 1)
	return s.start(c)
}

// measureMemory notes what the spared processes take once they have run for warm, and says when it
// grew.
func (s *soaker) measureMemory(warm time.Duration) {
	for _, c := range s.crew {
		if !c.spared || c.ended == nil || time.Since(c.began) < warm {
			continue
		}
		c.memory = append(c.memory, int(memoryOf(strconv.Itoa(c.cmd.Process.Pid), "VmRSS")))
		if first, last := c.memory[0], c.memory[len(c.memory)-1]; last > first+first/2+16 {
			s.violation("the memory of a %s grew from %d to %d MiB", c.role, first, last)
		}
	}
}
