package main

import "syscall"

// processAttributes makes a child lead its own group and die with the runner,
// however that ends: a runner killed with SIGKILL leaves no orphan.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
