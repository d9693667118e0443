package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	apipb "bookstall/gen/tutorial/api"
	"bookstall/internal/test/programtest"
)

func TestExamplesAreAnsweredWithTheFlagOnly(t *testing.T) {
	for _, on := range []bool{false, true} {
		args := []string{"--tutorial-rest-address=127.0.0.1:0"}
		if on {
			args = append(args, "--tutorial")
		}
		p := start(t, args...)
		_, err := apipb.NewApiClient(p.dial(t)).SayHello(within(t, 10*time.Second), &apipb.HelloRequest{Name: "test"})
		if want := map[bool]codes.Code{false: codes.Unimplemented, true: codes.OK}[on]; status.Code(err) != want {
			t.Errorf("--tutorial %v: %v, want %v", on, err, want)
		}
		lines := p.Lines("tutorial examples enabled (--tutorial)")
		if on != (len(lines) == 1) {
			t.Errorf("--tutorial %v: said %v", on, lines)
		} else if on {
			resp, body := programtest.Get(t, "http://"+lines[0]["restAddress"].(string)+"/api/v1/process-name?name=test")
			if resp.StatusCode != http.StatusOK || body != `{"name":"TEST"}` {
				t.Errorf("REST: %d %s", resp.StatusCode, body)
			}
		}
		p.Stop()
		if err := <-p.Ended; err != nil {
			t.Error(err)
		}
	}
	err := run(within(t, 20*time.Second), []string{
		"--grpc-address=127.0.0.1:0", "--admin-address=127.0.0.1:0", "--tutorial", "--tutorial-rest-address=nowhere",
	}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "tutorial REST address") {
		t.Errorf("bad REST address: %v, want an error that names it", err)
	}
}
