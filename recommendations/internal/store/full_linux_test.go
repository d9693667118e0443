package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// mountVariable names the folder on which the test mounts its file system.
const mountVariable = "STORE_TEST_MOUNT"

// A file system that is really full: a small one, in a namespace of its own, which needs no
// root.
func TestAFullFileSystem(t *testing.T) {
	if dir := os.Getenv(mountVariable); dir != "" {
		testFullFileSystem(t, dir)
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestAFullFileSystem$", "-test.v") //nolint:noctx // this test itself
	child.Env = append(os.Environ(), mountVariable+"="+t.TempDir())
	own := []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, UidMappings: own,
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		Pdeathsig:   syscall.SIGKILL,
	}
	if out, err := child.CombinedOutput(); child.Process == nil {
		t.Logf("this system has no namespaces for users (%v): TestAFullSQLite alone shows what a full disk does", err)
	} else if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func testFullFileSystem(t *testing.T, dir string) {
	t.Helper()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	checkFull(t, open(t, "sqlite:"+filepath.Join(dir, "test.db")), func() error { return os.Remove(ballast) })
}
