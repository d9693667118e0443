package fleet

import (
	"testing"
	"time"
)

func TestCPUTime(t *testing.T) {
	const numbers = " S 1 2 3 4 5 6 7 8 9 10 1234 56 9 9 20 0 8 0 1000"
	for _, name := range []string{"recommendations", "a b", ") S 1 2 3 4 5 6 7 8 9 10 77 77 ("} {
		if got, err := cpuTime("4711 (" + name + ")" + numbers + "\n"); err != nil || got != 12900*time.Millisecond {
			t.Errorf("%s: %v, %v; want 12.9s", name, got, err)
		}
	}
	for _, stat := range []string{"", "4711 (x) S 1 2", "4711 (x) S 1 2 3 4 5 6 7 8 9 10 many 56 9"} {
		if got, err := cpuTime(stat); err == nil {
			t.Errorf("%q: %v, want an error", stat, got)
		}
	}
}

func TestMemory(t *testing.T) {
	const status = "Name:\tVmRSS: 1 kB\nVmHWM:\t   52100 kB\nVmRSS:\t   48324 kB\nVmData:\tmuch kB\n"
	for field, want := range map[string]int64{"VmRSS": 48324 << 10, "VmHWM": 52100 << 10} {
		if got, err := memory(status, field); err != nil || got != want {
			t.Errorf("%s: %d, %v; want %d", field, got, err, want)
		}
	}
	for _, field := range []string{"VmSwap", "VmData"} {
		if got, err := memory(status, field); err == nil {
			t.Errorf("%s: %d, want an error", field, got)
		}
	}
}
