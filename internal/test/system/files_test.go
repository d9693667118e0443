package system

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/test/programtest"
)

// Clients with more connections than a program may have files leave it some: the probes of
// the kubelet are answered, and so are other clients.
func TestConnectionsLeaveFilesForProbes(t *testing.T) {
	t.Parallel()
	const files = 300
	bin, dir := programtest.Build(t), t.TempDir()
	for _, program := range []string{"marketplace", "recommendations"} {
		script := fmt.Sprintf("#!/bin/sh\nulimit -n %d\nexec '%s' \"$@\"\n", files, filepath.Join(bin, program))
		if err := os.WriteFile(filepath.Join(dir, program), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	f := start(t, fleet.Config{Bin: dir, Replicas: 1})
	replica := f.Replicas()[0]
	shop := strings.TrimPrefix(f.URL, "http://")
	for _, address := range []string{shop, replica.GRPC} {
		for range files + 100 {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, url := range []string{f.Admin + "/livez", f.Admin + "/readyz", replica.Admin + "/livez", replica.Admin + "/readyz", f.URL + "/"} {
		if _, err := fleet.Get(ctx, url); err != nil {
			t.Errorf("beside %d connections: %v", files+100, err)
		}
	}
}
