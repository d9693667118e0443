package balance

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func TestJudge(t *testing.T) {
	type answer struct {
		code     codes.Code
		took     time.Duration
		stream   bool
		received bool
	}
	tests := map[string]struct {
		answer answer
		want   verdict
		failed bool
		timed  bool
	}{
		"an answer":                                  {answer{code: codes.OK, received: true}, good, false, true},
		"a stream that ended":                        {answer{code: codes.OK, stream: true, received: true}, good, false, false},
		"a timeout":                                  {answer{code: codes.DeadlineExceeded, took: 50 * time.Millisecond}, timedOut, true, false},
		"a timeout of a caller with little time":     {answer{code: codes.DeadlineExceeded, took: 49 * time.Millisecond}, nothing, false, false},
		"a stream without an answer at its deadline": {answer{code: codes.DeadlineExceeded, took: time.Second, stream: true}, timedOut, true, false},
		"a stream that lived until its deadline":     {answer{code: codes.DeadlineExceeded, took: time.Second, stream: true, received: true}, nothing, false, false},
		"UNAVAILABLE from the replica":               {answer{code: codes.Unavailable, received: true}, bad, true, false},
		"a broken connection":                        {answer{code: codes.Unavailable}, nothing, true, false},
		"INTERNAL":                                   {answer{code: codes.Internal, received: true}, bad, true, false},
		"UNKNOWN":                                    {answer{code: codes.Unknown, received: true}, bad, true, false},
		"DATA_LOSS":                                  {answer{code: codes.DataLoss, received: true}, bad, true, false},
		"a caller that went away":                    {answer{code: codes.Canceled}, nothing, false, false},
		"a replica that sheds load":                  {answer{code: codes.ResourceExhausted, received: true}, nothing, false, false},
	}
	for _, code := range []codes.Code{
		codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied, codes.Unauthenticated,
		codes.FailedPrecondition, codes.Aborted, codes.OutOfRange, codes.Unimplemented,
	} { // errors that the caller caused
		test := tests["an answer"]
		test.answer.code, test.timed = code, false
		tests[code.String()] = test
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg, err := newConfig(nil)
				if err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				time.Sleep(test.answer.took) // fake time
				o := cfg.judge(method, test.answer.stream, began, balancer.DoneInfo{
					Err: status.Error(test.answer.code, ""), BytesSent: true, BytesReceived: test.answer.received,
				})
				if o.verdict != test.want || o.failed != test.failed || o.timed != test.timed {
					t.Errorf("verdict %d, failed %t, timed %t; want %d, %t, %t", o.verdict, o.failed, o.timed, test.want, test.failed, test.timed)
				}
				if o.code != test.answer.code || o.took != test.answer.took || o.method != method {
					t.Errorf("outcome %+v, want code %v, %v, %s", o, test.answer.code, test.answer.took, method)
				}
			})
		})
	}
}

// The owner of a method says which codes are faults.
func TestFaultCodes(t *testing.T) {
	cfg, err := newConfig([]Option{WithFaultCodes(codes.Internal, codes.Aborted)})
	if err != nil {
		t.Fatal(err)
	}
	for code, want := range map[codes.Code]verdict{
		codes.Internal: bad, codes.Aborted: bad, codes.Unknown: good, codes.DataLoss: good, codes.Unavailable: bad, codes.Canceled: nothing,
	} {
		if o := cfg.judge(method, false, time.Now(), balancer.DoneInfo{Err: status.Error(code, ""), BytesReceived: true}); o.verdict != want {
			t.Errorf("%v: verdict %d, want %d", code, o.verdict, want)
		}
	}
	for _, code := range []codes.Code{codes.OK, codes.Canceled, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Unavailable} {
		if _, err := newConfig([]Option{WithFaultCodes(code)}); !errors.Is(err, ErrOption) {
			t.Errorf("%v is taken: %v", code, err)
		}
	}
}

func TestErrorsWithoutAStatusAreUnknown(t *testing.T) {
	cfg, err := newConfig(nil)
	if err != nil {
		t.Fatal(err)
	}
	if o := cfg.judge(method, false, time.Now(), balancer.DoneInfo{Err: errors.New("no status")}); o.verdict != bad {
		t.Errorf("verdict %d, want %d", o.verdict, bad)
	}
	// gRPC turns the context's errors into a status before a picker sees them.
	err = status.FromContextError(context.Canceled).Err()
	if o := cfg.judge(method, false, time.Now(), balancer.DoneInfo{Err: err}); o.verdict != nothing {
		t.Errorf("verdict %d for a cancelled call, want %d", o.verdict, nothing)
	}
}

func TestWaitTrailer(t *testing.T) {
	for text, want := range map[string]time.Duration{"120ms": 120 * time.Millisecond, "0s": 0, "-1s": 0, "soon": 0, "": 0} {
		for key, want := range map[string]time.Duration{"queued": want, "": 0} {
			cfg, err := newConfig([]Option{WithWaitTrailer(key)})
			if err != nil {
				t.Fatal(err)
			}
			if o := cfg.judge(method, false, time.Now(), balancer.DoneInfo{Trailer: metadata.Pairs("queued", text)}); o.waited != want {
				t.Errorf("%q in the trailer, option %q: %v, want %v", text, key, o.waited, want)
			}
		}
	}
	cfg, err := newConfig([]Option{WithWaitTrailer("queued")})
	if err != nil {
		t.Fatal(err)
	}
	if o := cfg.judge(method, false, time.Now(), balancer.DoneInfo{}); o.waited != 0 {
		t.Errorf("no trailer: %v, want 0", o.waited)
	}
}
