package recommend

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/marketplace/internal/catalog"
)

func TestRecord(t *testing.T) {
	var got *recommendationsv1.Interaction
	answer := &recommendationsv1.RecordInteractionsResponse{Stored: 1, Version: 5}
	c := stocked(t, &fake{record: func(_ context.Context, i *recommendationsv1.Interaction) (*recommendationsv1.RecordInteractionsResponse, error) {
		got = i
		return answer, nil
	}})
	for kind, want := range map[Kind]recommendationsv1.InteractionKind{
		View: recommendationsv1.InteractionKind_INTERACTION_KIND_VIEW, Like: recommendationsv1.InteractionKind_INTERACTION_KIND_LIKE,
		Unlike: recommendationsv1.InteractionKind_INTERACTION_KIND_UNLIKE, Rating: recommendationsv1.InteractionKind_INTERACTION_KIND_RATING,
		Unrate: recommendationsv1.InteractionKind_INTERACTION_KIND_UNRATE, Purchase: recommendationsv1.InteractionKind_INTERACTION_KIND_PURCHASE,
		Want: recommendationsv1.InteractionKind_INTERACTION_KIND_WANT, Unwant: recommendationsv1.InteractionKind_INTERACTION_KIND_UNWANT,
		Dismiss: recommendationsv1.InteractionKind_INTERACTION_KIND_DISMISS, Undismiss: recommendationsv1.InteractionKind_INTERACTION_KIND_UNDISMISS,
		Unpurchase: recommendationsv1.InteractionKind_INTERACTION_KIND_UNPURCHASE,
	} {
		done, err := c.Record(t.Context(), Interaction{ID: "i", UserID: 7, BookID: 3, Kind: kind, Rating: 4})
		if err != nil || done != (Recorded{Stored: true, Version: 5}) {
			t.Errorf("%s: %+v, %v", kind, done, err)
		}
		if diff := cmp.Diff(&recommendationsv1.Interaction{Id: "i", UserId: 7, BookId: 3, Kind: want, Rating: 4}, got, protocmp.Transform()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", kind, diff)
		}
	}
	answer = &recommendationsv1.RecordInteractionsResponse{Repeated: 1, Version: 4}
	if done, err := c.Record(t.Context(), Interaction{ID: "i", UserID: 7, BookID: 3, Kind: Like}); err != nil || done != (Recorded{Version: 4}) {
		t.Errorf("repeated: %+v, %v", done, err)
	}
	if n := testutil.ToFloat64(c.metrics.writes.WithLabelValues("like", repeated)); n != 1 {
		t.Errorf("%v counted as repeated", n)
	}
}

func TestErrorsOfInteractionsThatAreNotStored(t *testing.T) {
	rejection := func(r *recommendationsv1.Rejection) *recommendationsv1.RecordInteractionsResponse {
		return &recommendationsv1.RecordInteractionsResponse{Rejected: 1, Rejections: []*recommendationsv1.Rejection{r}}
	}
	for name, tc := range map[string]struct {
		answer *recommendationsv1.RecordInteractionsResponse
		err    error
		hang   bool
		want   error
	}{
		"no book": {
			answer: rejection(&recommendationsv1.Rejection{Reason: recommendationsv1.RejectionReason_REJECTION_REASON_BOOK_NOT_FOUND}),
			want:   catalog.ErrBookNotFound,
		},
		"forgotten since": {
			answer: rejection(&recommendationsv1.Rejection{Reason: recommendationsv1.RejectionReason_REJECTION_REASON_FORGOTTEN}),
			want:   ErrForgotten,
		},
		"another one's id": {
			answer: rejection(&recommendationsv1.Rejection{Reason: recommendationsv1.RejectionReason_REJECTION_REASON_CONFLICT}),
			want:   ErrConflict,
		},
		"a kind that no replica knows": {
			answer: rejection(&recommendationsv1.Rejection{Reason: recommendationsv1.RejectionReason_REJECTION_REASON_INVALID, Field: "kind"}),
			want:   ErrUnavailable,
		},
		"store down":    {err: status.Error(codes.Unavailable, "x"), want: ErrUnavailable},
		"overloaded":    {err: status.Error(codes.ResourceExhausted, "x"), want: ErrUnavailable},
		"shed":          {err: status.Error(codes.ResourceExhausted, "x"), want: ErrOverloaded},
		"slow":          {hang: true, want: ErrUnavailable},
		"no store":      {err: status.Error(codes.FailedPrecondition, "x"), want: ErrReadOnly},
		"broken":        {err: status.Error(codes.Internal, "x"), want: ErrUnavailable},
		"reset":         {err: status.Error(codes.Unknown, "x"), want: ErrUnavailable},
		"older replica": {err: status.Error(codes.Unimplemented, "x"), want: ErrReadOnly},
	} {
		t.Run(name, func(t *testing.T) {
			wait := func(ctx context.Context) error {
				if tc.hang {
					<-ctx.Done()
					return ctx.Err()
				}
				return tc.err
			}
			c := stocked(t, &fake{
				record: func(ctx context.Context, _ *recommendationsv1.Interaction) (*recommendationsv1.RecordInteractionsResponse, error) {
					return tc.answer, wait(ctx)
				},
				forget: func(ctx context.Context, _ *recommendationsv1.ForgetReaderRequest) (*recommendationsv1.ForgetReaderResponse, error) {
					return nil, wait(ctx)
				},
				history: func(ctx context.Context, _ *recommendationsv1.GetHistoryRequest) (*recommendationsv1.GetHistoryResponse, error) {
					return nil, wait(ctx)
				},
			})
			if tc.hang {
				c.timeout, c.writeTimeout = 100*time.Millisecond, 100*time.Millisecond
			}
			began := time.Now()
			if _, err := c.Record(t.Context(), Interaction{ID: "i", UserID: 7, BookID: 3, Kind: Like}); !errors.Is(err, tc.want) {
				t.Errorf("Record: %v, want %v", err, tc.want)
			}
			if tc.answer == nil {
				if _, err := c.Forget(t.Context(), 7, 0); !errors.Is(err, tc.want) {
					t.Errorf("Forget: %v, want %v", err, tc.want)
				}
				if _, err := c.History(t.Context(), HistoryQuery{UserID: 7}); !errors.Is(err, tc.want) {
					t.Errorf("History: %v, want %v", err, tc.want)
				}
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("the reader waited %v", took)
			}
			result := failed
			if tc.answer != nil && !errors.Is(tc.want, ErrUnavailable) {
				result = rejected
			}
			if n := testutil.ToFloat64(c.metrics.writes.WithLabelValues("like", result)); n != 1 {
				t.Errorf("%v counted as %s", n, result)
			}
		})
	}
	c := stocked(t, &fake{record: func(context.Context, *recommendationsv1.Interaction) (*recommendationsv1.RecordInteractionsResponse, error) {
		return rejection(&recommendationsv1.Rejection{
			Reason: recommendationsv1.RejectionReason_REJECTION_REASON_INVALID, Field: "rating", Description: "is odd",
		}), nil
	}})
	_, err := c.Record(t.Context(), Interaction{ID: "i", UserID: 7, BookID: 3, Kind: Like})
	if field, ok := errors.AsType[*FieldError](err); !ok || *field != (FieldError{"rating", "is odd"}) {
		t.Errorf("invalid: %v", err)
	}
}

// In a rollout, replicas of an earlier version reject a kind that they do not know.
func TestAKindThatAReplicaDoesNotKnowGoesToAnother(t *testing.T) {
	asked := 0
	c := stocked(t, &fake{record: func(context.Context, *recommendationsv1.Interaction) (*recommendationsv1.RecordInteractionsResponse, error) {
		if asked++; asked < 4 {
			return &recommendationsv1.RecordInteractionsResponse{Rejected: 1, Rejections: []*recommendationsv1.Rejection{{
				Reason: recommendationsv1.RejectionReason_REJECTION_REASON_INVALID, Field: "kind", Description: "is unknown",
			}}}, nil
		}
		return &recommendationsv1.RecordInteractionsResponse{Stored: 1, Version: 7}, nil
	}})
	done, err := c.Record(t.Context(), Interaction{ID: "i", UserID: 7, BookID: 3, Kind: Want})
	if err != nil || done != (Recorded{Stored: true, Version: 7}) || asked != 4 {
		t.Errorf("%+v, %v after %d calls", done, err, asked)
	}
	if n := testutil.ToFloat64(c.metrics.writes.WithLabelValues("want", rejected)); n != 0 {
		t.Errorf("%v counted as rejected", n)
	}
}

// The version of a reader's last write is sent with all later calls for this reader,
// and with none for others.
func TestReadersSeeTheirWrites(t *testing.T) {
	var asked []int64
	f := &fake{
		record: func(_ context.Context, i *recommendationsv1.Interaction) (*recommendationsv1.RecordInteractionsResponse, error) {
			return &recommendationsv1.RecordInteractionsResponse{Stored: 1, Version: int64(i.GetRating())}, nil
		},
		recommend: func(_ context.Context, req *recommendationsv1.RecommendRequest) (*recommendationsv1.RecommendResponse, error) {
			asked = append(asked, req.GetMinVersion())
			return &recommendationsv1.RecommendResponse{CatalogVersion: "v1"}, nil
		},
		history: func(_ context.Context, req *recommendationsv1.GetHistoryRequest) (*recommendationsv1.GetHistoryResponse, error) {
			asked = append(asked, req.GetMinVersion())
			return &recommendationsv1.GetHistoryResponse{Version: 12, Entries: []*recommendationsv1.HistoryEntry{
				{BookId: 3, Rating: 4}, {BookId: 1, Liked: true, Purchased: true},
			}}, nil
		},
		forget: func(_ context.Context, req *recommendationsv1.ForgetReaderRequest) (*recommendationsv1.ForgetReaderResponse, error) {
			return &recommendationsv1.ForgetReaderResponse{Version: req.GetUserId() + 4}, nil
		},
	}
	c := stocked(t, f)
	ask := func(userID, minVersion, want int64) {
		t.Helper()
		asked = nil
		c.Shelf(t.Context(), Query{UserID: userID, MaxResults: 1, MinVersion: minVersion})
		history, err := c.History(t.Context(), HistoryQuery{UserID: userID, MinVersion: minVersion})
		wantHistory := History{Version: 12, Entries: []Entry{{BookID: 3, Rating: 4}, {BookID: 1, Liked: true, Purchased: true}}}
		if diff := cmp.Diff(wantHistory, history); err != nil || diff != "" {
			t.Errorf("history: %v (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff([]int64{want, want}, asked); diff != "" {
			t.Errorf("reader %d, min version %d (-want +got):\n%s", userID, minVersion, diff)
		}
	}
	ask(7, 0, 0)
	for _, version := range []int{5, 3} { // answers may arrive out of order
		if _, err := c.Record(t.Context(), Interaction{ID: "i", UserID: 7, BookID: 1, Kind: Rating, Rating: version}); err != nil {
			t.Fatal(err)
		}
	}
	ask(7, 0, 5)
	ask(7, 4, 5)
	ask(7, 6, 6)
	ask(8, 0, 0)
	if version, err := c.Forget(t.Context(), 7, 0); err != nil || version != 11 {
		t.Fatal(version, err)
	}
	ask(7, 0, 11)
}

func TestVersionsAreBounded(t *testing.T) {
	v := newVersions()
	for id := range int64(rememberedReaders + 10) {
		v.raise(id, 1, nil)
	}
	if v.lru.Len() != rememberedReaders || v.of(0) != 0 || v.of(rememberedReaders) != 1 {
		t.Errorf("%d versions are kept", v.lru.Len())
	}
}

// The generation in which the caller knows the reader is sent along, and what is answered
// about one that has ended comes back.
func TestGenerations(t *testing.T) {
	var asked []int64
	c := stocked(t, &fake{
		recommend: func(_ context.Context, req *recommendationsv1.RecommendRequest) (*recommendationsv1.RecommendResponse, error) {
			asked = append(asked, req.GetGeneration())
			return &recommendationsv1.RecommendResponse{CatalogVersion: "v1", ReaderForgotten: true}, nil
		},
		history: func(_ context.Context, req *recommendationsv1.GetHistoryRequest) (*recommendationsv1.GetHistoryResponse, error) {
			asked = append(asked, req.GetGeneration())
			return &recommendationsv1.GetHistoryResponse{ReaderForgotten: true}, nil
		},
		record: func(_ context.Context, i *recommendationsv1.Interaction) (*recommendationsv1.RecordInteractionsResponse, error) {
			asked = append(asked, i.GetGeneration())
			return &recommendationsv1.RecordInteractionsResponse{}, nil
		},
		forget: func(_ context.Context, req *recommendationsv1.ForgetReaderRequest) (*recommendationsv1.ForgetReaderResponse, error) {
			asked = append(asked, req.GetGeneration())
			return &recommendationsv1.ForgetReaderResponse{}, nil
		},
		follow: func(start *recommendationsv1.FollowStart, stream followStream) error {
			asked = append(asked, start.GetGeneration())
			return stream.Send(&recommendationsv1.FollowResponse{Part: &recommendationsv1.FollowResponse_Shelf{
				Shelf: &recommendationsv1.FollowShelf{CatalogVersion: "v1", ReaderForgotten: true},
			}})
		},
	})
	if shelf := c.Shelf(t.Context(), Query{UserID: 7, Generation: 1, MaxResults: 1}); !shelf.Forgotten {
		t.Errorf("shelf %+v", shelf)
	}
	if h, err := c.History(t.Context(), HistoryQuery{UserID: 7, Generation: 2}); !errors.Is(err, ErrForgotten) {
		t.Errorf("history %+v, %v", h, err)
	}
	if _, err := c.Record(t.Context(), Interaction{ID: "i", UserID: 7, Generation: 3, BookID: 3, Kind: Like}); err != nil {
		t.Error(err)
	}
	if _, err := c.Forget(t.Context(), 7, 4); err != nil {
		t.Error(err)
	}
	err := c.followed(t.Context(), FollowQuery{UserID: 7, Generation: 5, MaxResults: 1}, func(Change) error { return errors.New("shown") })
	if !errors.Is(err, ErrForgotten) {
		t.Errorf("Follow: %v", err)
	}
	if diff := cmp.Diff([]int64{1, 2, 3, 4, 5}, asked); diff != "" {
		t.Errorf("generations (-want +got):\n%s", diff)
	}
}

// Many interactions go in several calls. One that a replica refuses for a kind is sent again as
// a whole; after an error the rest is not sent.
func TestRecordAll(t *testing.T) {
	var list []Interaction
	for i := range 2*batchSize + 1 {
		list = append(list, Interaction{ID: fmt.Sprint(i), UserID: 7, BookID: int64(i + 1), Kind: Want})
	}
	var calls []int
	var answer func(call int) (*recommendationsv1.RecordInteractionsResponse, error)
	c := stocked(t, &fake{recordAll: func(list []*recommendationsv1.Interaction) (*recommendationsv1.RecordInteractionsResponse, error) {
		calls = append(calls, len(list))
		return answer(len(calls))
	}})
	rejection := func(reason recommendationsv1.RejectionReason, field string) *recommendationsv1.RecordInteractionsResponse {
		return &recommendationsv1.RecordInteractionsResponse{Rejected: 1, Version: 8, Rejections: []*recommendationsv1.Rejection{{Reason: reason, Field: field}}}
	}
	for name, tc := range map[string]struct {
		answer func(call int) (*recommendationsv1.RecordInteractionsResponse, error)
		want   Batch
		err    error
		calls  []int
	}{
		"all is stored": {
			func(call int) (*recommendationsv1.RecordInteractionsResponse, error) {
				return &recommendationsv1.RecordInteractionsResponse{Version: int64(call)}, nil
			},
			Batch{Done: 2001, Sent: 2001, Version: 3}, nil, []int{1000, 1000, 1},
		},
		"an earlier version does not know the kind": {
			func(call int) (*recommendationsv1.RecordInteractionsResponse, error) {
				if call == 2 {
					return rejection(recommendationsv1.RejectionReason_REJECTION_REASON_INVALID, "kind"), nil
				}
				return &recommendationsv1.RecordInteractionsResponse{Version: int64(call)}, nil
			},
			Batch{Done: 2001, Sent: 2001, Version: 4}, nil, []int{1000, 1000, 1000, 1},
		},
		"a book is gone": {
			func(int) (*recommendationsv1.RecordInteractionsResponse, error) {
				return rejection(recommendationsv1.RejectionReason_REJECTION_REASON_BOOK_NOT_FOUND, "book_id"), nil
			},
			Batch{Done: 2001, Sent: 2001, Rejected: 3, Version: 8}, nil, []int{1000, 1000, 1},
		},
		"forgotten": {
			func(int) (*recommendationsv1.RecordInteractionsResponse, error) {
				return rejection(recommendationsv1.RejectionReason_REJECTION_REASON_FORGOTTEN, "generation"), nil
			},
			Batch{Sent: 1000}, ErrForgotten, []int{1000},
		},
		"the store is lost": {
			func(call int) (*recommendationsv1.RecordInteractionsResponse, error) {
				if call == 2 {
					return nil, status.Error(codes.FailedPrecondition, "x")
				}
				return &recommendationsv1.RecordInteractionsResponse{Version: int64(call)}, nil
			},
			Batch{Done: 1000, Sent: 2000, Version: 1}, ErrReadOnly, []int{1000, 1000},
		},
	} {
		answer, calls = tc.answer, nil
		got, err := c.RecordAll(t.Context(), list)
		if got != tc.want || !errors.Is(err, tc.err) {
			t.Errorf("%s: %+v, %v; want %+v, %v", name, got, err, tc.want, tc.err)
		}
		if diff := cmp.Diff(tc.calls, calls); diff != "" {
			t.Errorf("%s: calls (-want +got):\n%s", name, diff)
		}
	}
	if got, err := c.RecordAll(t.Context(), nil); got != (Batch{}) || err != nil {
		t.Errorf("nothing: %+v, %v", got, err)
	}
}

// A shelf belongs to the write of its version, or to one that has not been answered yet and is of
// the book that caused it.
func TestTheWriteThatCausesAShelf(t *testing.T) {
	v := newVersions()
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{1}, TraceFlags: trace.FlagsSampled})
	want := func(when string, version, book int64, found bool) {
		t.Helper()
		if got := v.cause(7, version, book); got.IsValid() != found {
			t.Errorf("%s: the cause of version %d, by book %d: %v, want one: %v", when, version, book, got.IsValid(), found)
		}
	}
	if w := v.begin(t.Context(), 7, 3); w != nil {
		t.Errorf("a write that is not sampled is kept: %v", w)
	}
	v.raise(7, 4, nil)
	want("not sampled", 4, 3, false)
	w := v.begin(trace.ContextWithSpanContext(t.Context(), span), 7, 3)
	want("not answered", 0, 3, false) // the shelf of a reader without a history
	want("not answered", 5, 3, true)
	want("not answered", 5, 2, false)
	v.raise(7, 6, w)
	want("answered", 6, 2, true)
	want("answered", 5, 3, false)
	v.raise(7, 8, nil)
	want("after the next write", 6, 3, false)
	want("after the next write", 8, 3, false)
}
