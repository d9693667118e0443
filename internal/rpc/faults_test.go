package rpc

import (
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"bookstall/internal/fault"
)

// faultyReplica starts a replica with faults that the test sets.
func faultyReplica(t *testing.T) (*replica, *fault.Faults) {
	t.Helper()
	var faults *fault.Faults
	r, err := startReplica(t, func(cfg *ServerConfig) {
		faults = fault.New(fault.Config{Readiness: cfg.Readiness, Health: true, Log: logr.Discard()})
		cfg.Faults = faults
	})
	if err != nil {
		t.Fatal(err)
	}
	return r, faults
}

func TestFaultsApplyToCallsButNotToHealth(t *testing.T) {
	r, faults := faultyReplica(t)
	conn := plainConn(t, r)
	healthy := func(want string) {
		t.Helper()
		err := CheckHealth(t.Context(), r.Addr().String(), testService)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("health: %v, want %q", err, want)
		}
	}
	for _, name := range fault.Codes() { // each must be the name of a gRPC code
		faults.Change(fault.Set{ErrorShare: 1, Code: name})
		err := call(conn, 5*time.Second)
		if got := strings.ReplaceAll(strings.ToUpper(status.Code(err).String()), "_", ""); got != strings.ReplaceAll(name, "_", "") {
			t.Errorf("%s: %v", name, err)
		}
		healthy("")
	}
	faults.Change(fault.Set{Hang: true})
	if err := call(conn, 50*time.Millisecond); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("call that hangs: %v, want DeadlineExceeded", err)
	}
	healthy("")
	if n := r.calls.Load(); n != 0 {
		t.Errorf("%d calls reached the handler, want none", n)
	}

	faults.Change(fault.Set{Panic: true, Calls: 1})
	if err := call(conn, 5*time.Second); status.Code(err) != codes.Internal || strings.Contains(err.Error(), "injected") {
		t.Errorf("call that panics: %v, want INTERNAL that says no more", err)
	}
	faults.Change(fault.Set{NotServing: true})
	healthy("NOT_SERVING")
	if err := call(conn, 5*time.Second); err != nil {
		t.Errorf("a call while health says NOT_SERVING: %v", err)
	}
	if ok, _ := r.ready.Ready(); !ok {
		t.Error("not_serving made the process unready")
	}
	faults.Change(fault.Set{Unready: true})
	healthy("NOT_SERVING")
	faults.Change(fault.Set{})
	healthy("")
	r.ready.Drain()
	healthy("NOT_SERVING")
}

func TestCheckHealthNamesTheProblem(t *testing.T) {
	r := oneReplica(t)
	address := r.Addr().String()
	if err := CheckHealth(t.Context(), address, "another.Service"); err == nil || !strings.Contains(err.Error(), "no service") {
		t.Errorf("unknown service: %v, want an error that it does not exist", err)
	}
	r.end(t, 5*time.Second)
	if err := CheckHealth(t.Context(), address, ""); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("health without a server: %v, want connection refused", err)
	}
}
