package policies

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestCommand measures for a short time, and checks what does not depend on the machine's
// speed: shares, and which clients send a new replica few calls.
func TestCommand(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, document)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("before\n<!-- "+command+" writes from here -->\n<!-- to here -->\nafter\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c := Command{Write: true, Root: root}
	brief := plan{learn: 200 * time.Millisecond, measure: time.Second, steady: time.Second, cold: 500 * time.Millisecond, joined: time.Second}
	if err := c.run(t.Context(), &out, brief); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, " | "); len(cells) > 1 {
			rows[strings.TrimPrefix(cells[0], "| ")] = cells[1:]
		}
	}
	for _, p := range policies() {
		if len(rows[p.name]) != 6 {
			t.Errorf("%s: the row is %q, want 6 figures", p.name, rows[p.name])
		}
	}
	for _, client := range []string{"stock round_robin", "balance", "balance, slow start alone (WithoutEjection)", "balance, ejection alone (WithSlowStart(0))"} {
		if len(rows[client]) != 4 {
			t.Errorf("%s: the row is %q, want 4 figures", client, rows[client])
		}
	}
	for i, cell := range rows["round_robin"] {
		// A call may begin before the measurement and end within it.
		if i < 3 && cell != "33 %" && cell != "34 %" {
			t.Errorf("round_robin: replica %d has %s of the calls, want a third", i+1, cell)
		}
	}
	for _, want := range []string{"before\n", "after\n", "as one with half the CPU does"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the document lacks %q", want)
		}
	}
	t.Log(out.String())
}
