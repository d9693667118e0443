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
	"strconv"
	"strings"
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
}

// listening is the log line that tells where a program listens.
type listening struct {
	Message      string `json:"msg"`
	HTTPAddress  string `json:"httpAddress"`
	GRPCAddress  string `json:"grpcAddress"`
	AdminAddress string `json:"adminAddress"`
}

// startProcess runs a program and waits until it logs where it listens. The command
// by, which may be empty, comes before the program and must exec it. env is added to the
// environment.
func startProcess(name string, by []string, path string, args, env []string, log io.Writer) (*Process, listening, error) {
	line := slices.Concat(by, []string{path, "--name=" + name}, args)
	p := &Process{Name: name, cmd: exec.Command(line[0], line[1:]...), ended: make(chan struct{})} //nolint:gosec // our own binaries
	p.cmd.Env = append(os.Environ(), env...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, listening{}, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, listening{}, err
	}
	logged := make(chan listening, 1)
	var last string
	go func() {
		defer close(p.ended)
		lines := bufio.NewScanner(stderr)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			last = lines.Text()
			_, _ = fmt.Fprintf(log, "%s %s\n", p.Name, last)
			var line listening
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Message == "listening" {
				select {
				case logged <- line:
				default:
				}
			}
		}
		p.status = p.cmd.Wait()
	}()
	select {
	case line := <-logged:
		p.Admin = "http://" + line.AdminAddress
		return p, line, nil
	case <-p.ended:
		return nil, listening{}, fmt.Errorf("%s ended at once: %w: %s", p.Name, p.status, last)
	case <-time.After(startTimeout):
		return nil, listening{}, errors.Join(fmt.Errorf("%s does not log where it listens within %v (startTimeout)", p.Name, startTimeout), p.Stop(0))
	}
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

// ResetPeak makes Peak begin anew.
func (p *Process) ResetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0o600)
}

// Peak returns the most resident memory, in bytes, that the process has had since ResetPeak.
// Both need Linux.
func (p *Process) Peak() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(status), "\nVmHWM:")
	kilobytes, _, _ := strings.Cut(strings.TrimSpace(rest), " kB")
	n, err := strconv.ParseInt(kilobytes, 10, 64)
	return n << 10, err
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
