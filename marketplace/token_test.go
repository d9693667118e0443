package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bookstall/internal/test/programtest"
)

func TestTheAPIIsClosedByDefault(t *testing.T) {
	p := start(t, "--catalog-file="+catalogFile(t), "--api-open=false")
	resp, body := programtest.Get(t, p.shop+"/api/v1/books")
	if resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "--api-token-file") {
		t.Errorf("%d %s, want %d and how to open it", resp.StatusCode, body, http.StatusForbidden)
	}
	p.shutDown(t)
	if len(p.Lines("JSON API closed")) != 1 {
		t.Error("the log does not say that the API is closed")
	}
}

// A token closes an API that is open otherwise, however it is set.
func TestTheTokenOfTheAPI(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("open-sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, arg := range map[string]string{
		"flag":     "--api-token=open-sesame",
		"variable": "",
		"file":     "--api-token-file=" + file,
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"--catalog-file=" + catalogFile(t), "--api-open", arg}
			if arg == "" {
				t.Setenv("MARKETPLACE_API_TOKEN", "open-sesame")
				args = args[:2]
			}
			p := start(t, args...)
			for token, want := range map[string]int{"open-sesame": http.StatusOK, "open": http.StatusUnauthorized, "": http.StatusUnauthorized} {
				if resp, body := programtest.Get(t, p.shop+"/api/v1/books", "Authorization", "Bearer "+token); resp.StatusCode != want {
					t.Errorf("token %q: %d %s, want %d", token, resp.StatusCode, body, want)
				}
			}
			p.shutDown(t)
		})
	}
}

// What the command token prints, the shop accepts, as soon as the line is in its file.
func TestMadeTokens(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(file, []byte("# none yet\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--catalog-file="+catalogFile(t), "--api-tokens-file="+file)
	var out bytes.Buffer
	if err := run(t.Context(), []string{"token", "reports", "--scope=read,write", "--reader=7"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	made := regexp.MustCompile(`(?m)^token: (\S+)\nline:  (reports sha256:[0-9a-f]{64} read,write reader=7)\n$`).FindStringSubmatch(out.String())
	if made == nil {
		t.Fatalf("the command prints %q", out.String())
	}
	status := func(path string) int {
		resp, _ := programtest.Get(t, p.shop+path, "Authorization", "Bearer "+made[1])
		return resp.StatusCode
	}
	if got := status("/api/v1/books"); got != http.StatusUnauthorized {
		t.Errorf("before the line is in the file: %d, want %d", got, http.StatusUnauthorized)
	}
	if err := os.WriteFile(file, []byte(made[2]+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := status("/api/v1/books"); got != http.StatusOK {
		t.Errorf("after: %d, want %d", got, http.StatusOK)
	}
	if got := status("/api/v1/recommendations?user_id=8"); got != http.StatusForbidden {
		t.Errorf("for another reader: %d, want %d", got, http.StatusForbidden)
	}
	p.shutDown(t)
	for _, args := range [][]string{{"token"}, {"token", "a b"}, {"token", "a", "--scope=all"}, {"token", "a", "--reader=-1"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v is no error", args)
		}
	}
}
