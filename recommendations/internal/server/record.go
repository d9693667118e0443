package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/grpc"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/recommendations/internal/domain"
)

// Journal stores interactions. Its errors are domain.ErrStoreDown or unexpected.
type Journal interface {
	// Record stores valid interactions. When it returns they are durable.
	Record(ctx context.Context, list []domain.Interaction) ([]domain.Outcome, error)
	// Forget deletes a reader of a generation, 0 for any, and returns the sequence number of
	// that change. If the generation is over already, nothing happens.
	Forget(ctx context.Context, userID, generation int64) (seq int64, err error)
	// ReaderID returns the number of a reader whose id is a text, 0 for a text that nobody
	// has. With add, somebody has it from then on.
	ReaderID(ctx context.Context, text string, add bool) (int64, error)
	// CatchUp brings a reader in memory up to a sequence number, if it can. It reports
	// whether it never will, because the store lost it.
	CatchUp(ctx context.Context, userID, seq int64) (lost bool)
}

const (
	recordBatch   = 256 // interactions stored at a time
	maxRejections = 100 // listed in an answer
)

// RecordInteractions implements the RPC of that name.
func (s *Server) RecordInteractions(
	stream grpc.ClientStreamingServer[recommendationsv1.RecordInteractionsRequest, recommendationsv1.RecordInteractionsResponse],
) error {
	if s.journal == nil {
		return toStatus(domain.ErrReadOnly)
	}
	r := recording{server: s, ctx: stream.Context(), resp: &recommendationsv1.RecordInteractionsResponse{}}
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := r.add(req.GetInteraction()); err != nil {
			return s.writeFailed(stream, err)
		}
	}
	if err := r.flush(); err != nil {
		return s.writeFailed(stream, err)
	}
	return stream.SendAndClose(r.resp)
}

// recording is a RecordInteractions stream in progress.
type recording struct {
	server  *Server
	ctx     context.Context
	next    int64 // index of the next interaction of the stream
	batch   []domain.Interaction
	indexes []int64 // indexes of the batch in the stream
	resp    *recommendationsv1.RecordInteractionsResponse
}

func (r *recording) add(in *recommendationsv1.Interaction) error {
	index := r.next
	r.next++
	i := interaction(in)
	rejection, err := r.server.check(i)
	if err != nil {
		return err
	}
	if rejection != nil {
		r.reject(index, rejection)
		return nil
	}
	r.batch, r.indexes = append(r.batch, i), append(r.indexes, index)
	if len(r.batch) < recordBatch {
		return nil
	}
	return r.flush()
}

func (r *recording) reject(index int64, why *recommendationsv1.Rejection) {
	r.resp.Rejected++
	if len(r.resp.GetRejections()) < maxRejections {
		why.Index = index
		r.resp.Rejections = append(r.resp.Rejections, why)
	}
}

// flush stores the batch.
func (r *recording) flush() error {
	if len(r.batch) == 0 {
		return nil
	}
	outcomes, err := r.server.journal.Record(r.ctx, r.batch)
	if err != nil {
		return err
	}
	for k, o := range outcomes {
		r.resp.Version = max(r.resp.GetVersion(), o.Reader.Seq)
		switch o.Status {
		case domain.Stored:
			r.resp.Stored++
		case domain.Repeated:
			r.resp.Repeated++
		default:
			r.reject(r.indexes[k], refused(r.batch[k].ID, o.Status))
		}
	}
	r.batch, r.indexes = r.batch[:0], r.indexes[:0]
	return nil
}

// check returns why an interaction cannot be stored, or nil if it can.
func (s *Server) check(i domain.Interaction) (*recommendationsv1.Rejection, error) {
	if err := i.Validate(); err != nil {
		rejection := &recommendationsv1.Rejection{
			Id: shownID(i.ID), Reason: recommendationsv1.RejectionReason_REJECTION_REASON_INVALID, Description: err.Error(),
		}
		if wrong, ok := errors.AsType[*domain.FieldError](err); ok {
			rejection.Field, rejection.Description = wrong.Field, wrong.Reason
		}
		return rejection, nil
	}
	has, err := s.recommender.HasBook(i.BookID)
	if err != nil || has {
		return nil, err
	}
	return &recommendationsv1.Rejection{
		Id: i.ID, Reason: recommendationsv1.RejectionReason_REJECTION_REASON_BOOK_NOT_FOUND,
		Field: "book_id", Description: fmt.Sprintf("no book has the id %d", i.BookID),
	}, nil
}

// shownID truncates an id that is too long, so that a rejection is not as large as the
// request.
func shownID(id string) string {
	if len(id) <= domain.MaxInteractionID {
		return id
	}
	return strings.ToValidUTF8(id[:domain.MaxInteractionID], "")
}

// refused returns the rejection of an interaction that the store refused, or nil if it
// did not.
func refused(id string, status domain.Status) *recommendationsv1.Rejection {
	switch status {
	case domain.Conflict:
		return &recommendationsv1.Rejection{
			Id: id, Reason: recommendationsv1.RejectionReason_REJECTION_REASON_CONFLICT,
			Field: "id", Description: "was used before, for another interaction",
		}
	case domain.Forgotten:
		return &recommendationsv1.Rejection{
			Id: id, Reason: recommendationsv1.RejectionReason_REJECTION_REASON_FORGOTTEN,
			Field: "generation", Description: "has ended: the reader was forgotten",
		}
	case domain.Stored, domain.Repeated:
	}
	return nil
}

// interaction translates an interaction. check finds invalid values.
func interaction(in *recommendationsv1.Interaction) domain.Interaction {
	kinds := map[recommendationsv1.InteractionKind]domain.Kind{
		recommendationsv1.InteractionKind_INTERACTION_KIND_VIEW:       domain.View,
		recommendationsv1.InteractionKind_INTERACTION_KIND_LIKE:       domain.Like,
		recommendationsv1.InteractionKind_INTERACTION_KIND_UNLIKE:     domain.Unlike,
		recommendationsv1.InteractionKind_INTERACTION_KIND_RATING:     domain.Rate,
		recommendationsv1.InteractionKind_INTERACTION_KIND_UNRATE:     domain.Unrate,
		recommendationsv1.InteractionKind_INTERACTION_KIND_PURCHASE:   domain.Purchase,
		recommendationsv1.InteractionKind_INTERACTION_KIND_WANT:       domain.Want,
		recommendationsv1.InteractionKind_INTERACTION_KIND_UNWANT:     domain.Unwant,
		recommendationsv1.InteractionKind_INTERACTION_KIND_DISMISS:    domain.Dismiss,
		recommendationsv1.InteractionKind_INTERACTION_KIND_UNDISMISS:  domain.Undismiss,
		recommendationsv1.InteractionKind_INTERACTION_KIND_UNPURCHASE: domain.Unpurchase,
	}
	return domain.Interaction{
		ID: in.GetId(), UserID: in.GetUserId(), BookID: in.GetBookId(), Kind: kinds[in.GetKind()], Stars: int(in.GetRating()),
		Generation: in.GetGeneration(),
	}
}

// ForgetReader implements the RPC of that name.
func (s *Server) ForgetReader(ctx context.Context, req *recommendationsv1.ForgetReaderRequest) (*recommendationsv1.ForgetReaderResponse, error) {
	var wrong violations
	if reason := domain.CheckWriter(req.GetUserId()); reason != "" {
		wrong.add("user_id", reason)
	}
	checkGeneration(&wrong, req.GetGeneration())
	if err := wrong.err(); err != nil {
		return nil, err
	}
	if s.journal == nil {
		return nil, toStatus(domain.ErrReadOnly)
	}
	seq, err := s.journal.Forget(ctx, req.GetUserId(), req.GetGeneration())
	if err != nil {
		return nil, s.writeFailed(unary{ctx}, err)
	}
	return &recommendationsv1.ForgetReaderResponse{Version: seq}, nil
}

// FindReader implements the RPC of that name.
func (s *Server) FindReader(ctx context.Context, req *recommendationsv1.FindReaderRequest) (*recommendationsv1.FindReaderResponse, error) {
	text := req.GetExternalId()
	number, isNumber, reason := domain.ReadReaderID(text)
	var id int64
	var err error
	switch {
	case reason != "":
	case isNumber:
		id = number
	case s.journal == nil: // nobody is stored
		id = domain.FirstChoice(domain.ReaderID, text)
	default:
		// Digits are the text of a reader only where an import found them to be.
		id, err = s.journal.ReaderID(ctx, text, req.GetAdd() && number == 0)
		if err == nil && id == 0 && number != 0 {
			reason = "is a number with zeros or a sign before it"
		}
	}
	if reason != "" {
		var wrong violations
		wrong.add("external_id", reason)
		return nil, wrong.err()
	}
	if err != nil {
		return nil, s.writeFailed(unary{ctx}, err)
	}
	return &recommendationsv1.FindReaderResponse{UserId: id}, nil
}

// GetHistory implements the RPC of that name.
func (s *Server) GetHistory(ctx context.Context, req *recommendationsv1.GetHistoryRequest) (*recommendationsv1.GetHistoryResponse, error) {
	var wrong violations
	checkUser(&wrong, req.GetUserId())
	checkGeneration(&wrong, req.GetGeneration())
	checkSeq(&wrong, "min_version", req.GetMinVersion())
	if err := wrong.err(); err != nil {
		return nil, err
	}
	if _, err := s.catchUp(ctx, req.GetUserId(), req.GetMinVersion()); err != nil {
		return nil, err
	}
	history, seq, err := s.recommender.History(req.GetUserId())
	if err != nil {
		return nil, toStatus(err)
	}
	if s.recommender.Reader(req.GetUserId()).Ended(req.GetGeneration()) { // afterwards, as in shelf
		return &recommendationsv1.GetHistoryResponse{ReaderForgotten: true}, nil
	}
	history = history[:min(len(history), maxHistory)]
	resp := &recommendationsv1.GetHistoryResponse{Version: seq, Entries: make([]*recommendationsv1.HistoryEntry, len(history))}
	entries := make([]recommendationsv1.HistoryEntry, len(history)) // in one allocation
	for i, e := range history {
		setEntry(&entries[i], e)
		resp.Entries[i] = &entries[i]
	}
	return resp, nil
}

func historyEntry(e domain.Entry) *recommendationsv1.HistoryEntry {
	to := &recommendationsv1.HistoryEntry{}
	setEntry(to, e)
	return to
}

func setEntry(to *recommendationsv1.HistoryEntry, e domain.Entry) {
	to.BookId, to.Rating = e.BookID, int32(e.Stars)
	to.Liked, to.Purchased, to.Wanted, to.Dismissed = e.Liked, e.Purchased, e.Wanted, e.Dismissed
}

// catchUp brings a reader up to a sequence number, if it can, and reports whether the store
// lost it. It returns an error only if the call has ended.
func (s *Server) catchUp(ctx context.Context, userID, seq int64) (lost bool, err error) {
	if s.journal != nil && seq > 0 {
		lost = s.journal.CatchUp(ctx, userID, seq)
	}
	return lost, ctx.Err()
}
