package pgtest

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// childVariable, if set, makes the test start a server and wait until it is killed.
const childVariable = "PGTEST_CHILD"

func TestAKilledTestLeavesNothing(t *testing.T) {
	if os.Getenv(childVariable) != "" {
		s := Start(t)
		_, _ = os.Stdout.WriteString("\nfolder " + s.Dir() + "\n")
		select {}
	}
	Start(t).Restart() // skips the test where PostgreSQL is missing
	cmd := exec.Command(os.Args[0], "-test.run=^TestAKilledTestLeavesNothing$")
	cmd.Env = append(os.Environ(), childVariable+"=1")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dir := ""
	for lines := bufio.NewScanner(stdout); dir == "" && lines.Scan(); {
		dir, _ = strings.CutPrefix(lines.Text(), "folder ")
		if dir == lines.Text() {
			dir = ""
		}
	}
	if dir == "" {
		t.Fatalf("no server: %v", cmd.Wait())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		_, err := os.Stat(dir)
		if os.IsNotExist(err) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%s still exists", dir)
		}
	}
	if out, err := exec.Command("pgrep", "-f", dir).Output(); err == nil {
		t.Errorf("still running: %s", out)
	}
}
