package server

import (
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/rpc"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/recommender"
)

type followStream = grpc.BidiStreamingServer[recommendationsv1.FollowRequest, recommendationsv1.FollowResponse]

// Follow implements the RPC of that name. Its goroutine does nothing but wait: what else there is
// to do needs a larger stack, which would stay with each of many streams.
func (s *Server) Follow(stream followStream) error {
	f := &follower{server: s, stream: stream}
	defer f.leave()
	if err := rpc.Aside(f.begin); err != nil || f.forgotten {
		return err
	}
	return f.run()
}

// begin reads the first message, and sends the shelf if it is due.
func (f *follower) begin() (err error) {
	s := f.server
	if f.start, f.variety, err = s.followStart(f.stream); err != nil {
		return err
	}
	f.sent = f.start.GetAfterVersion()
	f.changed, f.unfollow = s.recommender.Follow(f.start.GetUserId())
	s.metrics.followers.Inc()
	lost, err := s.catchUp(f.stream.Context(), f.start.GetUserId(), f.sent)
	if err != nil {
		return err
	}
	if err := f.shelf(lost || f.sent == 0); err != nil || f.forgotten {
		return err
	}
	f.in = f.receive()
	return nil
}

// leave ends what begin has begun.
func (f *follower) leave() {
	if f.unfollow != nil {
		f.server.metrics.followers.Dec()
		f.unfollow()
	}
}

// followStart reads and checks the first message.
func (s *Server) followStart(stream followStream) (*recommendationsv1.FollowStart, recommender.Variety, error) {
	first, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return nil, recommender.Variety{}, status.Error(codes.InvalidArgument, "the first message must be start")
	}
	if err != nil {
		return nil, recommender.Variety{}, err
	}
	start := first.GetStart()
	if start == nil {
		return nil, recommender.Variety{}, status.Error(codes.InvalidArgument, "the first message must be start")
	}
	var wrong violations
	checkUser(&wrong, start.GetUserId())
	checkGeneration(&wrong, start.GetGeneration())
	checkSeq(&wrong, "after_version", start.GetAfterVersion())
	if err := s.checkCategory(&wrong, start.GetCategory()); err != nil {
		return nil, recommender.Variety{}, toStatus(err)
	}
	start.MaxResults = int32(checkMaxResults(&wrong, start.GetMaxResults()))
	variety := checkVariety(&wrong, start.GetVariety(), start.GetNewSince())
	return start, variety, wrong.err()
}

// follower is one Follow stream. One goroutine at a time sends on it: begin, then what run starts.
type follower struct {
	server *Server
	stream followStream
	start  *recommendationsv1.FollowStart
	sent   int64 // sequence number of the last shelf
	had    bool  // whether the memory has ever reached it

	changed  <-chan struct{} // of the reader's history
	unfollow func()          // ends that; nil before begin
	in       <-chan received // nil once the client sends nothing more

	variety recommender.Variety

	forgotten bool // whether the reader was forgotten, which ends the stream
}

// received is a message from the client; the last one has an error.
type received struct {
	interaction *recommendationsv1.Interaction
	err         error
}

// receive reads the stream until its end.
func (f *follower) receive() <-chan received {
	in := make(chan received)
	go func() {
		for {
			req, err := f.stream.Recv()
			select {
			case in <- received{req.GetInteraction(), err}:
			case <-f.stream.Context().Done(): // also after run has returned
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return in
}

func (f *follower) run() error {
	age := time.NewTimer(spread(f.server.followAge))
	defer age.Stop()
	for {
		var do func() error
		select {
		case <-f.changed:
			do = func() error { return f.shelf(false) }
		case r := <-f.in:
			do = func() error { return f.take(r) }
		case <-f.stream.Context().Done():
			return status.FromContextError(f.stream.Context().Err()).Err()
		case <-age.C:
			return f.end()
		case <-f.server.drain:
			return f.end()
		}
		if err := rpc.Aside(do); err != nil || f.forgotten {
			return err
		}
	}
}

// take does what a message from the client wants.
func (f *follower) take(r received) error {
	switch {
	case errors.Is(r.err, io.EOF):
		f.in = nil // the client has finished sending, but still receives
		return nil
	case r.err != nil:
		return r.err
	default:
		return f.record(r.interaction)
	}
}

// spread shortens a duration by up to a tenth at random, so that streams that began
// together do not end together.
func spread(d time.Duration) time.Duration {
	return d - time.Duration(rand.Int64N(int64(d)/10+1))
}

func (f *follower) end() error {
	return f.stream.Send(&recommendationsv1.FollowResponse{
		Part: &recommendationsv1.FollowResponse_End{End: &recommendationsv1.FollowEnd{AfterVersion: f.sent}},
	})
}

// shelf sends the reader's shelf if it is newer than the last one, or older after the memory
// has been there, as the store lost that one; if always is set; or if the reader was
// forgotten.
func (f *follower) shelf(always bool) error {
	if !always {
		if due, err := f.due(); err != nil || !due {
			return err
		}
	}
	shelf, forgotten, err := f.server.shelf(f.start.GetUserId(), f.start.GetGeneration(), f.start.GetCategory(), int(f.start.GetMaxResults()),
		selection(f.start.GetIncludeUnavailable()), f.variety)
	if err != nil {
		return toStatus(err)
	}
	f.forgotten = forgotten
	f.had = f.had || shelf.ReaderSeq >= f.sent
	if !always && !forgotten && (shelf.ReaderSeq == f.sent || !f.had) {
		return nil
	}
	f.sent, f.had = shelf.ReaderSeq, true
	source, _ := sourceOf(shelf)
	message := &recommendationsv1.FollowShelf{
		Recommendations: recommendations(shelf), Source: source, ServedBy: f.server.name,
		CatalogVersion: shelf.CatalogVersion, Version: shelf.ReaderSeq, ReaderForgotten: forgotten,
	}
	if shelf.LastBook != nil {
		message.Cause = &recommendationsv1.Because{BookId: shelf.LastBook.ID, Title: shelf.LastBook.Title}
		message.Entry = historyEntry(shelf.Last)
	}
	f.server.metrics.followed.Inc()
	return f.stream.Send(&recommendationsv1.FollowResponse{Part: &recommendationsv1.FollowResponse_Shelf{Shelf: message}})
}

// due reports whether shelf has one to send, without making it: most streams begin on a page that
// shows the shelf already.
func (f *follower) due() (bool, error) {
	if _, err := f.server.recommender.Catalog(); err != nil {
		return false, toStatus(err)
	}
	reader := f.server.recommender.Reader(f.start.GetUserId())
	f.had = f.had || reader.Seq >= f.sent
	return f.had && reader.Seq != f.sent || reader.Ended(f.start.GetGeneration()), nil
}

// record stores an interaction and sends its outcome.
func (f *follower) record(in *recommendationsv1.Interaction) error {
	if in == nil {
		return status.Error(codes.InvalidArgument, "start is allowed only once, as the first message; then interactions")
	}
	if err := rpc.CheckWrite(f.stream.Context()); err != nil {
		return err
	}
	if f.server.journal == nil {
		return toStatus(domain.ErrReadOnly)
	}
	i := interaction(in)
	answer := &recommendationsv1.FollowRecorded{Id: shownID(i.ID)}
	rejection, err := f.server.check(i)
	if err != nil {
		return toStatus(err)
	}
	if rejection == nil {
		outcomes, err := f.server.journal.Record(f.stream.Context(), []domain.Interaction{i})
		if err != nil {
			return f.server.writeFailed(f.stream, err)
		}
		answer.Version = outcomes[0].Reader.Seq
		answer.Stored = outcomes[0].Status == domain.Stored
		rejection = refused(i.ID, outcomes[0].Status)
	}
	answer.Rejection = rejection
	return f.stream.Send(&recommendationsv1.FollowResponse{Part: &recommendationsv1.FollowResponse_Recorded{Recorded: answer}})
}
