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
	Name  string
	Admin string // URL of its admin port

	cmd    *exec.Cmd
	ended  chan struct{} // closed once it has ended and its log is read
	status error         // how it ended; valid once ended is closed
	last   string        // the last line that it logged; likewise
}

// Listening is the log line that tells where a program listens.
type Listening struct {
	Message      string `json:"msg"`
	HTTPAddress  string `json:"httpAddress"`
	GRPCAddress  string `json:"grpcAddress"`
	AdminAddress string `json:"adminAddress"`
}

// StartProgram runs a program that is no part of a fleet, and returns when it is ready. Like
// ours it takes --name, which comes after command and before args, logs where it listens, and
// serves /readyz on its admin port. One that logs too little for that is told where to listen,
// at; otherwise at is the zero value. env is added to the environment. The caller must stop it.
func StartProgram(name string, command, args, env []string, at Listening) (*Process, Listening, error) {
	var p *Process
	var err error
	if at.AdminAddress == "" {
		p, at, err = startProcess(name, command, args, env, io.Discard)
	} else {
		p, _, err = execute(name, command, args, env, io.Discard)
	}
	if err != nil {
		return nil, at, err
	}
	p.Admin = "http://" + at.AdminAddress
	if err := p.waitReady(); err != nil {
		_ = p.Stop(0) // it is of no use, however it ends
		return nil, at, err
	}
	return p, at, nil
}

// startProcess runs a program as execute does, and waits until it logs where it listens.
func startProcess(name string, command, args, env []string, log io.Writer) (*Process, Listening, error) {
	p, logged, err := execute(name, command, args, env, log)
	if err != nil {
		return nil, Listening{}, err
	}
	select {
	case line := <-logged:
		p.Admin = "http://" + line.AdminAddress
		return p, line, nil
	case <-p.ended:
		return nil, Listening{}, fmt.Errorf("%s ended at once: %w: %s", p.Name, p.status, p.last)
	case <-time.After(startTimeout):
		return nil, Listening{}, errors.Join(fmt.Errorf("%s does not log where it listens within %v (startTimeout)", p.Name, startTimeout), p.Stop(0))
	}
}

// execute runs a program; where it listens comes once it has logged that. The name and args
// follow the command, which may be one that execs the program. env is added to the
// environment.
func execute(name string, command, args, env []string, log io.Writer) (*Process, <-chan Listening, error) {
	line := slices.Concat(command, []string{"--name=" + name}, args)
	p := &Process{Name: name, cmd: exec.Command(line[0], line[1:]...), ended: make(chan struct{})} //nolint:gosec // our own binaries
	p.cmd.Env = append(os.Environ(), env...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, nil, err
	}
	logged := make(chan Listening, 1)
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			p.last = lines.Text()
			_, _ = fmt.Fprintf(log, "%s %s\n", p.Name, p.last)
			var line Listening
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "listening" {
				select {
				case logged <- line:
				default:
				}
				if log == io.Discard { // a reader that is slow takes the processor from who is measured
					_, _ = io.Copy(log, stderr)
				}
			}
		}
		p.status = p.cmd.Wait()
	}()
	return p, logged, nil
}

// waitReady polls the admin port until it reports ready.
func (p *Process) waitReady() error {
	deadline := time.After(startTimeout)
	for {
		if ok, err := Ready(context.Background(), p.Admin); ok && err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before it was ready: %w", p.Name, p.status)
		case <-deadline:
			return fmt.Errorf("%s is not ready after %v (startTimeout)", p.Name, startTimeout)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// Signal sends a signal.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Ended is closed once the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Kill kills the process and returns when it has ended.
func (p *Process) Kill() error {
	if err := p.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.ended
	return nil
}

// Pause stops the process by SIGSTOP: its connections stay open and silent.
func (p *Process) Pause() error { return p.Signal(syscall.SIGSTOP) }

// Resume continues a paused process.
func (p *Process) Resume() error { return p.Signal(syscall.SIGCONT) }

// Stop interrupts the process, kills it if it has not ended within patience, and
// returns how it ended.
func (p *Process) Stop(patience time.Duration) error {
	_ = p.Resume() // a paused process does not receive the signal
	if err := p.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	how := "ended"
	select {
	case <-p.ended:
	case <-time.After(patience):
		how = fmt.Sprintf("did not end within %v and was killed", patience)
		_ = p.cmd.Process.Kill() // it may just have ended
		<-p.ended
	}
	if p.status == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", p.Name, how, p.status)
}

// Build builds both programs into dir.
func Build(ctx context.Context, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-o", dir+"/", "bookstall/marketplace", "bookstall/recommendations") //nolint:gosec // a folder of the caller's
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out)
	}
	return nil
}

// Recommendations runs one command of the program in bin to its end, as an operator
// does, and returns what it printed.
func Recommendations(ctx context.Context, bin string, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "recommendations"), args...).CombinedOutput() //nolint:gosec // our own binary
	if err != nil {
		return nil, fmt.Errorf("recommendations %s: %w: %s", args[0], err, out)
	}
	return out, nil
}
