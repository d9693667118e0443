package main

import (
	"strconv"
	"syscall"
	"testing"
)

func TestKilledRunnerLeavesNoOrphans(t *testing.T) {
	var c console
	r := startRunner(t, testLayout(t), &c)
	c.await(t, 1, open)
	gone := r.children(t)
	t.Cleanup(func() {
		for n := 1; t.Failed() && n <= len(r.layout.admins()); n++ {
			if pid, err := strconv.Atoi(c.await(t, n, `started \(pid (\d+)\)`)[1]); err == nil {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	})
	if err := r.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone()
	r.wait(t)
}
