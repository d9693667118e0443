package fleet

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// startTimeout bounds the start of one process until it is ready.
const startTimeout = 20 * time.Second

// Process is one running program.
type Process struct {
	name   string
	cmd    *exec.Cmd
	ended  chan struct{} // closed when it has ended and its log was read
	status error         // how it ended; read after ended
}

// listening is the line by which a program says where it listens.
type listening struct {
	Message      string `json:"msg"`
	HTTPAddress  string `json:"httpAddress"`
	GRPCAddress  string `json:"grpcAddress"`
	AdminAddress string `json:"adminAddress"`
}

// startProcess runs a program and waits until it says where it listens. It is run
// by a command that becomes it, if there is one.
func startProcess(by []string, path string, args []string, log io.Writer) (*Process, listening, error) {
	line := slices.Concat(by, []string{path}, args)
	p := &Process{name: filepath.Base(path), cmd: exec.Command(line[0], line[1:]...), ended: make(chan struct{})} //nolint:gosec // our own binaries
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, listening{}, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, listening{}, err
	}
	said := make(chan listening, 1)
	var last string
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			last = lines.Text()
			_, _ = fmt.Fprintf(log, "%s %s\n", p.name, last)
			var line listening
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "listening" {
				select {
				case said <- line:
				default:
				}
			}
		}
		p.status = p.cmd.Wait()
	}()
	select {
	case line := <-said:
		return p, line, nil
	case <-p.ended:
		return nil, listening{}, fmt.Errorf("%s ended at once: %w: %s", p.name, p.status, last)
	case <-time.After(startTimeout):
		return nil, listening{}, errors.Join(fmt.Errorf("%s does not say where it listens", p.name), p.Stop(0))
	}
}

// waitReady polls the admin port until it reports ready.
func (p *Process) waitReady(admin string) error {
	deadline := time.After(startTimeout)
	for {
		if ok, err := Ready(context.Background(), admin); ok && err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before it was ready: %w", p.name, p.status)
		case <-deadline:
			return fmt.Errorf("%s is not ready after %v (startTimeout)", p.name, startTimeout)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Ended is closed once the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Kill ends the process without a warning and returns when it has ended.
func (p *Process) Kill() error {
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.ended
	return nil
}

// Pause stops the process where it stands: its connections stay, and are silent.
func (p *Process) Pause() error { return p.Signal(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (p *Process) Resume() error { return p.Signal(syscall.SIGCONT) }

// Stop interrupts the process, kills it when it has not ended within patience,
// and returns how it ended.
func (p *Process) Stop(patience time.Duration) error {
	_ = p.Resume() // a paused process would not hear of it
	if err := p.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
		return p.status
	case <-time.After(patience):
	}
	_ = p.cmd.Process.Kill() // it may just have ended
	<-p.ended
	return p.status
}
