package main

import (
	"os/exec"
	"runtime"
	"syscall"
)

// starter starts all processes from one operating system thread that lives as long as
// the runner. On Linux a child is killed when the thread that started it ends (see
// processAttributes), and Go ends threads at any time.
type starter struct {
	jobs chan startJob
	done chan struct{}
}

type startJob struct {
	cmd    *exec.Cmd
	result chan<- error
}

func newStarter() *starter {
	s := &starter{jobs: make(chan startJob), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		// Never unlocked, so that the thread ends with this goroutine.
		runtime.LockOSThread()
		for job := range s.jobs {
			job.result <- job.cmd.Start()
		}
	}()
	return s
}

// start starts cmd in a process group of its own, so that Ctrl-C reaches only the
// runner, which stops the processes in order.
func (s *starter) start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = processAttributes()
	result := make(chan error, 1)
	s.jobs <- startJob{cmd, result}
	return <-result
}

// close ends the thread. All processes must have ended.
func (s *starter) close() {
	close(s.jobs)
	<-s.done
}

// signalGroup signals the process group of cmd. It ignores a group that has ended.
func signalGroup(cmd *exec.Cmd, sig syscall.Signal) {
	_ = syscall.Kill(-cmd.Process.Pid, sig)
}
