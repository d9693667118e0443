package recommend

import (
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Readers whose ids are texts are asked for once.
func TestReader(t *testing.T) {
	f := &fake{}
	c := stocked(t, f)
	find := func(text string, add bool, want int64) {
		t.Helper()
		if id, err := c.Reader(t.Context(), text, add); err != nil || id != want {
			t.Errorf("%q is %d (%v), want %d", text, id, err, want)
		}
	}
	fail := func(code codes.Code, want error) {
		t.Helper()
		f.mu.Lock()
		f.findErr = status.Error(code, "x")
		f.mu.Unlock()
		find("ann", false, 3)
		if id, err := c.Reader(t.Context(), "new", true); !errors.Is(err, want) {
			t.Errorf("%v: %d, %v, want %v", code, id, err, want)
		}
	}
	find("ann", false, 0)
	find("ann", true, 3)
	find("ann", false, 3)
	if f.finds != 2 {
		t.Errorf("%d calls, want 2", f.finds)
	}
	find("ann", true, 3) // who may have been forgotten since
	if f.finds != 3 {
		t.Errorf("%d calls, want 3", f.finds)
	}
	if _, err := c.Reader(t.Context(), "\xff\xfe", true); err == nil || f.finds != 3 {
		t.Errorf("bytes that are no text: %v after %d calls, want an error and 3 calls", err, f.finds)
	} else if _, ok := errors.AsType[*FieldError](err); !ok {
		t.Errorf("got %v, want a FieldError", err)
	}
	fail(codes.Unavailable, ErrUnavailable)
	fail(codes.Unimplemented, ErrReadOnly)
	f.findErr = status.Error(codes.InvalidArgument, "x")
	if _, err := c.Reader(t.Context(), "new", true); err == nil {
		t.Error("a text that cannot be an id has a number")
	} else if _, ok := errors.AsType[*FieldError](err); !ok {
		t.Errorf("got %v, want a FieldError", err)
	}
}
