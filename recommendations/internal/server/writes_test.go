package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/lifecycle"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/recommender"
	"bookstall/recommendations/internal/replication"
	"bookstall/recommendations/internal/store"
)

// remembering is a client of a server with a store, and handles on that server.
type remembering struct {
	recommendationsv1.RecommendationsServiceClient
	live  *replication.Replicator
	ready *lifecycle.Readiness
	file  string // database file
}

// remember serves a library from a store; followAge is that of its streams.
func remember(t *testing.T, followAge time.Duration, opts ...grpc.ServerOption) remembering {
	t.Helper()
	return rememberIn(t, filepath.Join(t.TempDir(), "test.db"), testLibrary(), followAge, opts...)
}

// rememberIn serves from the store of a file, which others may serve from, too; the first fills it.
func rememberIn(t *testing.T, file string, demo *domain.Library, followAge time.Duration, opts ...grpc.ServerOption) remembering {
	t.Helper()
	kept, err := store.Open("sqlite:"+file, store.Options{Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	registry, rec, loaded := prometheus.NewRegistry(), recommender.New(), make(chan struct{})
	l := replication.New(replication.Config{
		Store: kept, Recommender: rec, Demo: func() (*domain.Library, error) { return demo, nil },
		Train: true, Workers: 1, OnLoaded: func() { close(loaded) }, Log: logr.Discard(), Registry: registry,
	})
	following := make(chan error, 1)
	go func() { following <- l.Run() }()
	ready := lifecycle.NewReadiness()
	api := listen(t, New(Config{
		Recommender: rec, Journal: l, Name: "replica-1", FollowAge: followAge, Readiness: ready, Registry: registry,
	}), opts...)
	t.Cleanup(func() {
		if err := errors.Join(l.Stop(context.Background()), <-following, kept.Close()); err != nil {
			t.Error(err)
		}
	})
	<-loaded
	return remembering{api, l, ready, file}
}

// listen serves on a real listener until the end of the test.
func listen(t *testing.T, s *Server, opts ...grpc.ServerOption) recommendationsv1.RecommendationsServiceClient {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := grpc.NewServer(opts...)
	s.Register(srv)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(lis) }()
	conn, err := grpc.NewClient(lis.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		srv.Stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return recommendationsv1.NewRecommendationsServiceClient(conn)
}

const (
	aLike   = recommendationsv1.InteractionKind_INTERACTION_KIND_LIKE
	aRating = recommendationsv1.InteractionKind_INTERACTION_KIND_RATING
	aView   = recommendationsv1.InteractionKind_INTERACTION_KIND_VIEW
)

func did(id string, user, book int64, kind recommendationsv1.InteractionKind, rating int32) *recommendationsv1.Interaction {
	return &recommendationsv1.Interaction{Id: id, UserId: user, BookId: book, Kind: kind, Rating: rating}
}

func recordAll(t *testing.T, api recommendationsv1.RecommendationsServiceClient, list ...*recommendationsv1.Interaction) (*recommendationsv1.RecordInteractionsResponse, error) {
	t.Helper()
	stream, err := api.RecordInteractions(within(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range list {
		if err := stream.Send(&recommendationsv1.RecordInteractionsRequest{Interaction: i}); err != nil {
			break // CloseAndRecv says why
		}
	}
	return stream.CloseAndRecv()
}

func TestRecordInteractions(t *testing.T) {
	api := remember(t, time.Minute)
	resp, err := recordAll(t, api,
		did("a", 700, 1, aLike, 0),
		did("b", 700, 3, aRating, 2),
		did("a", 700, 1, aLike, 0),     // again
		did("a", 700, 5, aLike, 0),     // conflict
		did("c", 700, 1, aRating, 6),   // invalid
		did("d", 700, 99999, aLike, 0), // no such book
		did("e", 0, 1, aLike, 0),       // no such reader
		did("", 700, 1, aView, 0),      // no id
		nil,
	)
	if err != nil {
		t.Fatal(err)
	}
	if resp.GetStored() != 2 || resp.GetRepeated() != 1 || resp.GetRejected() != 6 || resp.GetVersion() == 0 {
		t.Errorf("got %v, want 2 stored, 1 repeated, 6 rejected and a version", resp)
	}
	got := map[int64]string{}
	for _, r := range resp.GetRejections() {
		got[r.GetIndex()] = fmt.Sprint(r.GetReason(), " ", r.GetField(), " ", r.GetDescription())
	}
	for index, want := range map[int64]string{
		3: "REJECTION_REASON_CONFLICT id was used before, for another interaction",
		4: "REJECTION_REASON_INVALID rating is 6, want 1 to 5",
		5: "REJECTION_REASON_BOOK_NOT_FOUND book_id no book has the id 99999",
		6: "REJECTION_REASON_INVALID user_id is 0, want a whole number from 1",
		7: "REJECTION_REASON_INVALID id must be 1 to 128 printable ASCII characters without spaces",
		8: "REJECTION_REASON_INVALID user_id is 0, want a whole number from 1",
	} {
		if got[index] != want {
			t.Errorf("%d: %s, want %s", index, got[index], want)
		}
	}

	history, err := api.GetHistory(within(t), &recommendationsv1.GetHistoryRequest{UserId: 700, MinVersion: resp.GetVersion()})
	if err != nil || history.GetVersion() != resp.GetVersion() || len(history.GetEntries()) != 2 {
		t.Fatalf("history: %v, %v; want 2 entries at the recorded version", history, err)
	}
	latest, first := history.GetEntries()[0], history.GetEntries()[1]
	if latest.GetBookId() != 3 || latest.GetRating() != 2 || first.GetBookId() != 1 || !first.GetLiked() {
		t.Errorf("history %v, want the latest first", history)
	}
	shelf, err := api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: 700, MinVersion: resp.GetVersion()})
	if err != nil || shelf.GetSource() != recommendationsv1.Source_SOURCE_PERSONAL || shelf.GetReaderVersion() != resp.GetVersion() {
		t.Errorf("shelf: %v, %v; want a personal one at the recorded version", shelf, err)
	}
	for _, r := range shelf.GetRecommendations() {
		if r.GetBookId() == 1 || r.GetBookId() == 3 {
			t.Errorf("book %d is on the shelf of a reader who has it", r.GetBookId())
		}
	}
}

// The kinds that came after version 0.1.0, from the write to the shelf, the similar books and
// the history.
func TestRecordWantedAndDismissed(t *testing.T) {
	api := remember(t, time.Minute)
	const (
		want, unwant       = recommendationsv1.InteractionKind_INTERACTION_KIND_WANT, recommendationsv1.InteractionKind_INTERACTION_KIND_UNWANT
		dismiss, undismiss = recommendationsv1.InteractionKind_INTERACTION_KIND_DISMISS, recommendationsv1.InteractionKind_INTERACTION_KIND_UNDISMISS
		buy, unbuy         = recommendationsv1.InteractionKind_INTERACTION_KIND_PURCHASE, recommendationsv1.InteractionKind_INTERACTION_KIND_UNPURCHASE
	)
	for i, step := range []struct {
		kind    recommendationsv1.InteractionKind
		entry   *recommendationsv1.HistoryEntry
		shelf   bool // whether the book is on the shelf
		similar bool // whether it is similar to book 1
	}{
		{want, &recommendationsv1.HistoryEntry{BookId: 3, Wanted: true}, false, true},
		{unwant, nil, true, true},
		{dismiss, &recommendationsv1.HistoryEntry{BookId: 3, Dismissed: true}, false, false},
		{undismiss, nil, true, true},
		{buy, &recommendationsv1.HistoryEntry{BookId: 3, Purchased: true}, false, true},
		{unbuy, nil, true, true},
	} {
		resp, err := recordAll(t, api, did(fmt.Sprint("step-", i), 700, 3, step.kind, 0))
		if err != nil || resp.GetStored() != 1 {
			t.Fatalf("%v: %v, %v", step.kind, resp, err)
		}
		history, err := api.GetHistory(within(t), &recommendationsv1.GetHistoryRequest{UserId: 700, MinVersion: resp.GetVersion()})
		if err != nil {
			t.Fatal(err)
		}
		var entry *recommendationsv1.HistoryEntry
		if len(history.GetEntries()) > 0 {
			entry = history.GetEntries()[0]
		}
		if !proto.Equal(entry, step.entry) {
			t.Errorf("%v: history %v, want %v", step.kind, history.GetEntries(), step.entry)
		}
		shelf, err := api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: 700, MinVersion: resp.GetVersion()})
		if got := has(shelf.GetRecommendations(), 3); err != nil || got != step.shelf || len(shelf.GetRecommendations()) != 10 {
			t.Errorf("%v: on the shelf: %v, %v", step.kind, got, err)
		}
		similar, err := api.SimilarBooks(within(t), &recommendationsv1.SimilarBooksRequest{BookId: 1, UserId: 700, MinVersion: resp.GetVersion(), Generation: 1})
		if got := has(similar.GetRecommendations(), 3); err != nil || got != step.similar || len(similar.GetRecommendations()) != 10 {
			t.Errorf("%v: among the similar books: %v, %v", step.kind, got, err)
		}
	}
	if _, err := recordAll(t, api, did("gone", 700, 3, dismiss, 0)); err != nil {
		t.Fatal(err)
	}
	forgotten, err := api.ForgetReader(within(t), &recommendationsv1.ForgetReaderRequest{UserId: 700})
	if err != nil {
		t.Fatal(err)
	}
	for generation := range int64(3) {
		similar, err := api.SimilarBooks(within(t), &recommendationsv1.SimilarBooksRequest{BookId: 1, UserId: 700, MinVersion: forgotten.GetVersion(), Generation: generation})
		if err != nil || !has(similar.GetRecommendations(), 3) {
			t.Errorf("after the reader was forgotten, generation %d: %v, %v", generation, similar, err)
		}
	}
	for _, req := range []*recommendationsv1.SimilarBooksRequest{{BookId: 1, UserId: -1}, {BookId: 1, Generation: -1}, {BookId: 1, MinVersion: -1}} {
		if _, err := api.SimilarBooks(within(t), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", req, err)
		}
	}
	resp, err := recordAll(t, api, did("newer", 700, 3, 12, 0))
	if err != nil || resp.GetRejected() != 1 || resp.GetRejections()[0].GetReason() != recommendationsv1.RejectionReason_REJECTION_REASON_INVALID ||
		resp.GetRejections()[0].GetField() != "kind" {
		t.Errorf("a kind of a later version: %v, %v", resp, err)
	}
}

func has(list []*recommendationsv1.Recommendation, book int64) bool {
	return slices.ContainsFunc(list, func(r *recommendationsv1.Recommendation) bool { return r.GetBookId() == book })
}

func TestRecordMany(t *testing.T) {
	api := remember(t, time.Minute)
	var list []*recommendationsv1.Interaction
	for i := range 1000 {
		list = append(list, did(fmt.Sprint("many-", i), int64(1000+i%7), int64(1+i%400), aLike, 0))
	}
	for _, want := range []string{"1000 0", "0 1000"} {
		resp, err := recordAll(t, api, list...)
		if got := fmt.Sprint(resp.GetStored(), " ", resp.GetRepeated()); err != nil || got != want {
			t.Errorf("stored and repeated: %s, want %s (%v)", got, want, err)
		}
	}
}

// The shop asks for the shelf of a visitor without an id as nobody, for whom nothing is
// stored.
func TestNobody(t *testing.T) {
	api := remember(t, time.Minute)
	resp, err := recordAll(t, api, did("a", domain.Nobody, 1, aLike, 0))
	if err != nil || resp.GetRejected() != 1 || resp.GetRejections()[0].GetField() != "user_id" {
		t.Errorf("a like of nobody: %v, %v; want a rejection", resp, err)
	}
	if _, err := api.ForgetReader(within(t), &recommendationsv1.ForgetReaderRequest{UserId: domain.Nobody}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("nobody is forgotten: %v", err)
	}
	shelf, err := api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: domain.Nobody})
	if err != nil || shelf.GetSource() != recommendationsv1.Source_SOURCE_POPULAR || shelf.GetReaderVersion() != 0 {
		t.Errorf("shelf of nobody: %v, %v; want that of somebody new", shelf, err)
	}
}

func TestForgetReader(t *testing.T) {
	api := remember(t, time.Minute)
	if _, err := recordAll(t, api, did("a", 700, 1, aLike, 0)); err != nil {
		t.Fatal(err)
	}
	gone, err := api.ForgetReader(within(t), &recommendationsv1.ForgetReaderRequest{UserId: 700})
	if err != nil || gone.GetVersion() == 0 {
		t.Fatalf("ForgetReader: %v, %v; want a version", gone, err)
	}
	history, err := api.GetHistory(within(t), &recommendationsv1.GetHistoryRequest{UserId: 700, MinVersion: gone.GetVersion()})
	if err != nil || len(history.GetEntries()) != 0 {
		t.Errorf("history: %v, %v; want no entries", history, err)
	}
	if _, err := api.ForgetReader(within(t), &recommendationsv1.ForgetReaderRequest{}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("ForgetReader without a reader: %v, want InvalidArgument", err)
	}
}

func TestWithoutAStoreNothingIsKept(t *testing.T) {
	api := serve(t, testLibrary())
	if _, err := recordAll(t, api, did("a", 700, 1, aLike, 0)); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("record: %v, want FailedPrecondition", err)
	}
	if _, err := api.ForgetReader(within(t), &recommendationsv1.ForgetReaderRequest{UserId: 7}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("forget: %v, want FailedPrecondition", err)
	}
	if header, _ := list(t, api, ""); !header.GetReadOnly() {
		t.Error("the catalogue does not say that the service is read only")
	}
}

// down is a journal whose store is unreachable.
type down struct{}

func (down) Record(context.Context, []domain.Interaction) ([]domain.Outcome, error) {
	return nil, fmt.Errorf("record: %w: dial tcp 10.1.2.3:5432", domain.ErrStoreDown)
}

func (down) ReaderID(_ context.Context, _ string, _ bool) (int64, error) {
	return 0, domain.ErrStoreDown
}

func (down) Forget(context.Context, int64, int64) (int64, error) {
	return 0, fmt.Errorf("forget: %w: dial tcp 10.1.2.3:5432", domain.ErrStoreDown)
}

func (down) CatchUp(context.Context, int64, int64) bool { return false }

func TestAStoreThatIsDown(t *testing.T) {
	rec := recommender.New()
	if err := rec.Load(testLibrary(), 1); err != nil {
		t.Fatal(err)
	}
	api := listen(t, New(Config{
		Recommender: rec, Journal: down{}, Name: "r", FollowAge: time.Minute,
		Readiness: lifecycle.NewReadiness(), Registry: prometheus.NewRegistry(),
	}))
	const want = "the store cannot be used; interactions cannot be stored now"
	check := func(what string, err error, trailer metadata.MD) {
		t.Helper()
		if s := status.Convert(err); s.Code() != codes.Unavailable || s.Message() != want {
			t.Errorf("%s: %v", what, err)
		}
		if !slices.Equal(trailer.Get("grpc-retry-pushback-ms"), []string{"-1"}) {
			t.Errorf("%s: the caller is not told to leave other replicas alone: %v", what, trailer)
		}
	}
	stream, err := api.RecordInteractions(within(t))
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.Send(&recommendationsv1.RecordInteractionsRequest{Interaction: did("a", 7, 1, aLike, 0)})
	_, err = stream.CloseAndRecv()
	check("record", err, stream.Trailer())
	var trailer metadata.MD
	_, err = api.ForgetReader(within(t), &recommendationsv1.ForgetReaderRequest{UserId: 7}, grpc.Trailer(&trailer))
	check("forget", err, trailer)
	if resp, err := api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: 7, MinVersion: 99}); err != nil || len(resp.GetRecommendations()) == 0 {
		t.Errorf("recommend: %v, %v", resp, err)
	}
}

type follow = grpc.BidiStreamingClient[recommendationsv1.FollowRequest, recommendationsv1.FollowResponse]

func followUp(t *testing.T, api recommendationsv1.RecommendationsServiceClient, start *recommendationsv1.FollowStart) follow {
	t.Helper()
	stream, err := api.Follow(within(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&recommendationsv1.FollowRequest{Part: &recommendationsv1.FollowRequest_Start{Start: start}}); err != nil {
		t.Fatal(err)
	}
	return stream
}

func receive(t *testing.T, stream follow) *recommendationsv1.FollowResponse {
	t.Helper()
	resp, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestFollowSendsAShelfAtEachChange(t *testing.T) {
	api := remember(t, time.Minute)
	stream := followUp(t, api, &recommendationsv1.FollowStart{UserId: 700, MaxResults: 3})
	first := receive(t, stream).GetShelf()
	if first.GetVersion() != 0 || first.GetSource() != recommendationsv1.Source_SOURCE_POPULAR || len(first.GetRecommendations()) != 3 {
		t.Errorf("first shelf: %v, want 3 bestsellers, version 0", first)
	}
	recorded, err := recordAll(t, api, did("a", 700, 1, aLike, 0)) // not on the stream
	if err != nil {
		t.Fatal(err)
	}
	next := receive(t, stream).GetShelf()
	if next.GetVersion() != recorded.GetVersion() || next.GetSource() != recommendationsv1.Source_SOURCE_PERSONAL ||
		next.GetCause().GetBookId() != 1 || next.GetCause().GetTitle() != "Book 1" || !next.GetEntry().GetLiked() {
		t.Errorf("shelf after a like: %v, want a personal one, caused by book 1", next)
	}

	// An interaction on the stream is acknowledged, and changes the shelf.
	send := func(i *recommendationsv1.Interaction) {
		t.Helper()
		if err := stream.Send(&recommendationsv1.FollowRequest{Part: &recommendationsv1.FollowRequest_Interaction{Interaction: i}}); err != nil {
			t.Fatal(err)
		}
	}
	send(did("b", 700, 3, aLike, 0))
	var acknowledged *recommendationsv1.FollowRecorded
	var shelf *recommendationsv1.FollowShelf
	for acknowledged == nil || shelf == nil {
		switch part := receive(t, stream).GetPart().(type) {
		case *recommendationsv1.FollowResponse_Recorded:
			acknowledged = part.Recorded
		case *recommendationsv1.FollowResponse_Shelf:
			shelf = part.Shelf
		}
	}
	if !acknowledged.GetStored() || acknowledged.GetId() != "b" || shelf.GetVersion() != acknowledged.GetVersion() || shelf.GetCause().GetBookId() != 3 {
		t.Errorf("%v, then %v", acknowledged, shelf)
	}
	send(did("b", 700, 5, aLike, 0))
	if r := receive(t, stream).GetRecorded(); r.GetRejection().GetReason() != recommendationsv1.RejectionReason_REJECTION_REASON_CONFLICT || r.GetStored() {
		t.Errorf("repeated id: %v, want CONFLICT", r)
	}
	// A client that has closed its side still receives.
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := recordAll(t, api, did("c", 700, 5, aLike, 0)); err != nil {
		t.Fatal(err)
	}
	if s := receive(t, stream).GetShelf(); s.GetCause().GetBookId() != 5 {
		t.Errorf("after CloseSend: %v", s)
	}
}

func TestFollowGoesOnFromAVersion(t *testing.T) {
	api := remember(t, time.Minute)
	one, err := recordAll(t, api, did("a", 700, 1, aLike, 0))
	if err != nil {
		t.Fatal(err)
	}
	// A shelf that was seen already is not sent again; the next change is.
	stream := followUp(t, api, &recommendationsv1.FollowStart{UserId: 700, AfterVersion: one.GetVersion()})
	two, err := recordAll(t, api, did("b", 700, 3, aLike, 0))
	if err != nil {
		t.Fatal(err)
	}
	if s := receive(t, stream).GetShelf(); s.GetVersion() != two.GetVersion() {
		t.Errorf("version %d, want %d", s.GetVersion(), two.GetVersion())
	}
	// A missed change is sent at once.
	missed := followUp(t, api, &recommendationsv1.FollowStart{UserId: 700, AfterVersion: one.GetVersion()})
	if s := receive(t, missed).GetShelf(); s.GetVersion() != two.GetVersion() {
		t.Errorf("version %d, want %d", s.GetVersion(), two.GetVersion())
	}
}

// A browser that saw a version which the store lost gets the shelf as it is, and the next
// change, instead of waiting until the store has counted that far again.
func TestFollowFromAVersionThatTheStoreLost(t *testing.T) {
	api := remember(t, time.Minute)
	one, err := recordAll(t, api, did("a", 700, 1, aLike, 0))
	if err != nil {
		t.Fatal(err)
	}
	stream := followUp(t, api, &recommendationsv1.FollowStart{UserId: 700, AfterVersion: 1 << 40})
	if s := receive(t, stream).GetShelf(); s.GetVersion() != one.GetVersion() {
		t.Errorf("version %d, want %d at once", s.GetVersion(), one.GetVersion())
	}
	two, err := recordAll(t, api, did("b", 700, 3, aLike, 0))
	if err != nil {
		t.Fatal(err)
	}
	if s := receive(t, stream).GetShelf(); s.GetVersion() != two.GetVersion() {
		t.Errorf("version %d, want %d", s.GetVersion(), two.GetVersion())
	}
	shelf, err := api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: 700, MinVersion: 1 << 40})
	if err != nil || shelf.GetReaderVersion() != two.GetVersion() {
		t.Errorf("a shelf of a lost version: %v, %v", shelf, err)
	}
}

func TestFollowEndsInOrder(t *testing.T) {
	ended := func(t *testing.T, stream follow, after int64) {
		t.Helper()
		if end := receive(t, stream).GetEnd(); end == nil || end.GetAfterVersion() != after {
			t.Errorf("last message: %v, want the end after version %d", end, after)
		}
		if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
			t.Errorf("ended with %v", err)
		}
	}
	t.Run("when it is old", func(t *testing.T) {
		api := remember(t, 50*time.Millisecond)
		one, err := recordAll(t, api, did("a", 700, 1, aLike, 0))
		if err != nil {
			t.Fatal(err)
		}
		stream := followUp(t, api, &recommendationsv1.FollowStart{UserId: 700, AfterVersion: one.GetVersion()})
		ended(t, stream, one.GetVersion())
	})
	t.Run("when the replica drains", func(t *testing.T) {
		api := remember(t, time.Minute)
		one, err := recordAll(t, api, did("a", 700, 1, aLike, 0))
		if err != nil {
			t.Fatal(err)
		}
		stream := followUp(t, api, &recommendationsv1.FollowStart{UserId: 700})
		receive(t, stream)
		api.ready.Drain()
		ended(t, stream, one.GetVersion())
	})
}

func TestFollowWantsAStart(t *testing.T) {
	api := remember(t, time.Minute)
	for name, first := range map[string]*recommendationsv1.FollowRequest{
		"an interaction": {Part: &recommendationsv1.FollowRequest_Interaction{Interaction: did("a", 7, 1, aLike, 0)}},
		"nothing":        {},
		"no reader":      {Part: &recommendationsv1.FollowRequest_Start{Start: &recommendationsv1.FollowStart{}}},
		"no version":     {Part: &recommendationsv1.FollowRequest_Start{Start: &recommendationsv1.FollowStart{UserId: 1, AfterVersion: -1}}},
		"no category":    {Part: &recommendationsv1.FollowRequest_Start{Start: &recommendationsv1.FollowStart{UserId: 1, Category: "cooking"}}},
	} {
		stream, err := api.Follow(within(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(first); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
}
