//go:build !linux

package main

import "syscall"

// processAttributes puts a child into a process group of its own. Only Linux can also
// kill it when the runner ends.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
