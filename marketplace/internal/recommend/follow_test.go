package recommend

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/telemetry"
)

func shelfMessage(version int64) *recommendationsv1.FollowResponse {
	return &recommendationsv1.FollowResponse{Part: &recommendationsv1.FollowResponse_Shelf{Shelf: &recommendationsv1.FollowShelf{
		Version: version, Source: recommendationsv1.Source_SOURCE_PERSONAL, ServedBy: "replica-2", CatalogVersion: "v1",
		Recommendations: []*recommendationsv1.Recommendation{{BookId: 3, Title: "Three"}},
		Cause:           &recommendationsv1.Because{BookId: 1, Title: "One"}, Entry: &recommendationsv1.HistoryEntry{BookId: 1, Liked: true},
	}}}
}

func endMessage(after int64) *recommendationsv1.FollowResponse {
	return &recommendationsv1.FollowResponse{Part: &recommendationsv1.FollowResponse_End{End: &recommendationsv1.FollowEnd{AfterVersion: after}}}
}

// However a stream ends, the next one resumes at the same version, and no change is
// shown twice.
func TestFollowResumesOnAnotherReplica(t *testing.T) {
	var mu sync.Mutex
	var starts []*recommendationsv1.FollowStart
	f := &fake{follow: func(start *recommendationsv1.FollowStart, stream followStream) error {
		mu.Lock()
		starts = append(starts, proto.CloneOf(start))
		n := len(starts)
		mu.Unlock()
		send := func(messages ...*recommendationsv1.FollowResponse) error {
			for _, m := range messages {
				if err := stream.Send(m); err != nil {
					return err
				}
			}
			return nil
		}
		switch n {
		case 1: // the replica drains
			return send(shelfMessage(4), endMessage(4))
		case 2: // the replica is killed
			return status.Error(codes.Unavailable, "killed")
		case 3: // the stream breaks after a shelf
			return errors.Join(send(shelfMessage(6)), errors.New("broken"))
		case 4: // the stream ends without an end message
			return nil
		}
		if err := send(shelfMessage(9)); err != nil {
			return err
		}
		<-stream.Context().Done()
		return stream.Context().Err()
	}}
	c := stocked(t, f)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var got []int64
	err := c.followed(ctx, FollowQuery{UserID: 7, Category: "fantasy", MaxResults: 5, After: 3}, func(change Change) error {
		got = append(got, change.Version)
		want := Change{
			Shelf:   Shelf{Items: []Item{{BookID: 3, Title: "Three"}}, Source: Personal, ServedBy: "replica-2", Version: change.Version},
			CauseID: 1, CauseTitle: "One", Entry: Entry{BookID: 1, Liked: true},
		}
		if diff := cmp.Diff(want, change); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if change.Version == 9 {
			leave()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Follow: %v", err)
	}
	if diff := cmp.Diff([]int64{4, 6, 9}, got); diff != "" {
		t.Errorf("shelves (-want +got):\n%s", diff)
	}
	var want []*recommendationsv1.FollowStart
	for _, after := range []int64{3, 4, 4, 6, 6} {
		want = append(want, &recommendationsv1.FollowStart{UserId: 7, Category: "fantasy", MaxResults: 5, AfterVersion: after})
	}
	if diff := cmp.Diff(want, starts, protocmp.Transform()); diff != "" {
		t.Errorf("starts (-want +got):\n%s", diff)
	}
	for why, want := range map[string]float64{ended: 2, broken: 2, left: 1} {
		if n := testutil.ToFloat64(c.metrics.follows.WithLabelValues(why)); n != want {
			t.Errorf("%v streams counted as %s, want %v", n, why, want)
		}
	}
}

// A store that lost commits counts from a lower version, from which Follow resumes.
func TestFollowResumesFromALowerVersion(t *testing.T) {
	starts := make(chan int64, 2)
	c := stocked(t, &fake{follow: func(start *recommendationsv1.FollowStart, stream followStream) error {
		starts <- start.GetAfterVersion()
		return stream.Send(shelfMessage(start.GetAfterVersion() - 1))
	}})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	err := c.followed(ctx, FollowQuery{UserID: 7, MaxResults: 5, After: 9}, func(change Change) error {
		if change.Version == 7 {
			leave()
		}
		return nil
	})
	if first, second := <-starts, <-starts; first != 9 || second != 8 {
		t.Errorf("streams from %d and %d, want 9 and 8; Follow: %v", first, second, err)
	}
}

func TestFollowReturnsTheErrorOfShow(t *testing.T) {
	c := stocked(t, &fake{follow: func(_ *recommendationsv1.FollowStart, stream followStream) error {
		if err := stream.Send(shelfMessage(1)); err != nil {
			return err
		}
		<-stream.Context().Done()
		return nil
	}})
	gone := errors.New("gone")
	if err := c.followed(t.Context(), FollowQuery{UserID: 7, MaxResults: 5}, func(Change) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("Follow: %v", err)
	}
}

// A panic of show is for the caller to handle: nothing else would catch it on this goroutine.
func TestFollowEndsWithThePanicOfShow(t *testing.T) {
	c := stocked(t, &fake{follow: func(_ *recommendationsv1.FollowStart, stream followStream) error {
		return stream.Send(shelfMessage(1))
	}})
	err := c.followed(t.Context(), FollowQuery{UserID: 7, MaxResults: 5}, func(Change) error { panic("no template") })
	if p, ok := errors.AsType[*telemetry.Panic](err); !ok || p.Error() != "no template" || !strings.Contains(telemetry.StackOf(p), "TestFollowEndsWithThePanicOfShow") {
		t.Errorf("Follow: %v", err)
	}
}

// A replica that knows that no more comes has no goroutine that waits for it.
func TestFollowSendsNothingAfterItsStart(t *testing.T) {
	rest := make(chan error, 1)
	c := stocked(t, &fake{follow: func(_ *recommendationsv1.FollowStart, stream followStream) error {
		_, err := stream.Recv()
		rest <- err
		return stream.Send(shelfMessage(1))
	}})
	seen := errors.New("seen")
	if err := c.followed(t.Context(), FollowQuery{UserID: 7, MaxResults: 5}, func(Change) error { return seen }); !errors.Is(err, seen) {
		t.Errorf("Follow: %v", err)
	}
	if err := <-rest; !errors.Is(err, io.EOF) {
		t.Errorf("after the start the replica received %v, want EOF", err)
	}
}

// While every call fails, Follow backs off.
func TestFollowBacksOff(t *testing.T) {
	calls := make(chan time.Time, 100)
	c := stocked(t, &fake{follow: func(*recommendationsv1.FollowStart, followStream) error {
		calls <- time.Now()
		return status.Error(codes.Internal, "broken")
	}})
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- c.followed(ctx, FollowQuery{UserID: 7}, func(Change) error { return nil })
	}()
	var times []time.Time
	for range 5 {
		times = append(times, <-calls)
	}
	leave()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Follow: %v", err)
	}
	// At least half of 50, 100, 200 and 400 ms.
	if took := times[4].Sub(times[0]); took < 375*time.Millisecond {
		t.Errorf("five calls within %v", took)
	}
}
