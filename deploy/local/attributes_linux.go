package main

import "syscall"

// processAttributes puts a child into a process group of its own and makes the kernel
// kill it when the runner ends, even by SIGKILL.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
