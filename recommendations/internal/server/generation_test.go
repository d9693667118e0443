package server

import (
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	recommendationsv1 "bookstall/gen/recommendations/v1"
)

const forgottenReason = recommendationsv1.RejectionReason_REJECTION_REASON_FORGOTTEN

func ofTheFirst(i *recommendationsv1.Interaction) *recommendationsv1.Interaction {
	i.Generation = 1
	return i
}

// generationSees checks what a replica answers for a generation of reader 777.
func (r remembering) generationSees(t *testing.T, generation int64, forgotten bool, books int) {
	t.Helper()
	shelf, err := r.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: 777, Generation: generation})
	personal := shelf.GetSource() == recommendationsv1.Source_SOURCE_PERSONAL
	if err != nil || shelf.GetReaderForgotten() != forgotten || personal != (books > 0) || personal != (shelf.GetReaderVersion() > 0) {
		t.Errorf("generation %d: shelf from %s, version %d, forgotten %t, %v; want forgotten %t and %d books",
			generation, shelf.GetSource(), shelf.GetReaderVersion(), shelf.GetReaderForgotten(), err, forgotten, books)
	}
	history, err := r.GetHistory(within(t), &recommendationsv1.GetHistoryRequest{UserId: 777, Generation: generation})
	if err != nil || history.GetReaderForgotten() != forgotten || len(history.GetEntries()) != books {
		t.Errorf("generation %d: %v, %v; want forgotten %t and %d books", generation, history, err, forgotten, books)
	}
}

// endsForgotten receives the last message of a stream.
func endsForgotten(t *testing.T, stream follow) {
	t.Helper()
	shelf := receive(t, stream).GetShelf()
	if !shelf.GetReaderForgotten() || shelf.GetSource() != recommendationsv1.Source_SOURCE_POPULAR || shelf.GetVersion() != 0 {
		t.Errorf("%v, want the shelf of somebody new", shelf)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("%v after the reader was forgotten, want the end", err)
	}
}

// Once a reader is forgotten, a replica that has not heard of it refuses writes of the old
// generation at once, and no replica shows it what comes later.
func TestAForgottenGenerationHasEnded(t *testing.T) {
	a := remember(t, time.Minute)
	b := rememberIn(t, a.file, testLibrary(), time.Minute)
	wrote, err := recordAll(t, a, ofTheFirst(did("a", 777, 2, aLike, 0)))
	if err != nil || wrote.GetStored() != 1 {
		t.Fatal(wrote, err)
	}
	// The other replica knows of it, or it would send the shelf before it, too.
	if _, err := b.GetHistory(within(t), &recommendationsv1.GetHistoryRequest{UserId: 777, MinVersion: wrote.GetVersion()}); err != nil {
		t.Fatal(err)
	}
	open := followUp(t, b, &recommendationsv1.FollowStart{UserId: 777, Generation: 1, AfterVersion: 1})
	receive(t, open)
	if _, err := a.ForgetReader(within(t), &recommendationsv1.ForgetReaderRequest{UserId: 777, Generation: 1}); err != nil {
		t.Fatal(err)
	}
	resp, err := recordAll(t, b, ofTheFirst(did("a", 777, 2, aLike, 0)), ofTheFirst(did("b", 777, 3, aLike, 0)))
	if err != nil || resp.GetRejected() != 2 || resp.GetRejections()[1].GetReason() != forgottenReason {
		t.Fatalf("%v, %v; want both rejected", resp, err)
	}
	b.generationSees(t, 1, true, 0) // it learnt that from the store
	endsForgotten(t, open)
	endsForgotten(t, followUp(t, b, &recommendationsv1.FollowStart{UserId: 777, Generation: 1, AfterVersion: 1 << 40}))

	current := followUp(t, b, &recommendationsv1.FollowStart{UserId: 777})
	receive(t, current)
	err = current.Send(&recommendationsv1.FollowRequest{Part: &recommendationsv1.FollowRequest_Interaction{
		Interaction: ofTheFirst(did("c", 777, 2, aLike, 0)),
	}})
	if got := receive(t, current).GetRecorded(); err != nil || got.GetRejection().GetReason() != forgottenReason || got.GetStored() {
		t.Errorf("on a stream: %v, %v", got, err)
	}

	// Somebody with a token writes for the id again.
	if resp, err := recordAll(t, b, did("d", 777, 2, aLike, 0)); err != nil || resp.GetStored() != 1 {
		t.Fatal(resp, err)
	}
	if resp, err := b.ForgetReader(within(t), &recommendationsv1.ForgetReaderRequest{UserId: 777, Generation: 1}); err != nil || resp.GetVersion() == 0 {
		t.Errorf("forgetting what is forgotten: %v, %v", resp, err)
	}
	for _, replica := range []remembering{b, rememberIn(t, a.file, testLibrary(), time.Minute)} {
		replica.generationSees(t, 1, true, 0)
		replica.generationSees(t, 2, false, 1)
		replica.generationSees(t, 0, false, 1)
	}
	for _, bad := range []int64{-1, 1<<31 + 1} {
		if _, err := b.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: 777, Generation: bad}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("generation %d: %v", bad, err)
		}
	}
}
