//go:build !linux

package main

import "syscall"

// processAttributes makes a child lead its own group. Only Linux can tie its
// life to the runner's.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
