package fleet

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// What Linux tells of a process in /proc, proc_pid_stat(5) and proc_pid_status(5).

// tick is the unit of times in /proc/PID/stat: USER_HZ is 100 wherever Go runs.
const tick = 10 * time.Millisecond

// CPU returns the time that the process has run so far, in user mode and in the kernel.
func (p *Process) CPU() (time.Duration, error) {
	text, err := p.proc("stat")
	if err != nil {
		return 0, err
	}
	return cpuTime(text)
}

// cpuTime reads /proc/PID/stat. The second field is the name of the program in parentheses,
// which may contain spaces and parentheses.
func cpuTime(stat string) (time.Duration, error) {
	const user, system = 14 - 3, 15 - 3 // after the name, from 0
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) <= system {
		return 0, fmt.Errorf("%.40q has %d fields after the name, want more than %d", stat, len(fields), system)
	}
	var sum time.Duration
	for _, field := range []string{fields[user], fields[system]} {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("CPU time: %w", err)
		}
		sum += time.Duration(n) * tick
	}
	return sum, nil
}

// Resident returns the resident memory of the process, in bytes.
func (p *Process) Resident() (int64, error) { return p.memory("VmRSS") }

// ResetPeak makes Peak begin anew.
func (p *Process) ResetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0o600)
}

// Peak returns the most resident memory, in bytes, that the process has had since ResetPeak.
func (p *Process) Peak() (int64, error) { return p.memory("VmHWM") }

func (p *Process) memory(field string) (int64, error) {
	text, err := p.proc("status")
	if err != nil {
		return 0, err
	}
	return memory(text, field)
}

// memory reads a size from /proc/PID/status.
func memory(status, field string) (int64, error) {
	_, rest, found := strings.Cut(status, "\n"+field+":")
	if !found {
		return 0, fmt.Errorf("the status of the process has no %s", field)
	}
	kilobytes, _, _ := strings.Cut(strings.TrimSpace(rest), " kB")
	n, err := strconv.ParseInt(kilobytes, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", field, err)
	}
	return n << 10, nil
}

func (p *Process) proc(file string) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", p.cmd.Process.Pid, file))
	return string(text), err
}
