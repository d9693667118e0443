package fleet

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// build builds both programs. It is a copy of programtest.Build, which would be an
// import cycle.
func build(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIP (-short): starts the built programs")
	}
	bin := t.TempDir()
	if err := Build(t.Context(), bin); err != nil {
		t.Fatal(err)
	}
	return bin
}
