package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/lifecycle"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/recommender"
)

// maxAnswer is more than any answer to a bad request needs, in bytes.
const maxAnswer = 64 << 10

// forgetful is a journal that stores nothing, so that equal requests have equal
// answers. It fails on interactions that the server must not let through.
type forgetful struct{ has func(int64) (bool, error) }

func (j forgetful) Record(_ context.Context, list []domain.Interaction) ([]domain.Outcome, error) {
	seen, outcomes := map[string]domain.Interaction{}, make([]domain.Outcome, len(list))
	for k, i := range list {
		if err := i.Validate(); err != nil {
			return nil, err // becomes UNKNOWN, which no test accepts
		}
		if has, err := j.has(i.BookID); err != nil || !has {
			return nil, errors.New("an interaction with no book of the catalogue")
		}
		before, again := seen[i.ID]
		switch {
		case !again:
			seen[i.ID] = i
			outcomes[k] = domain.Outcome{Status: domain.Stored, Reader: domain.Reader{Seq: 7}}
		case before.Same(i):
			outcomes[k] = domain.Outcome{Status: domain.Repeated, Reader: domain.Reader{Seq: 7}}
		default:
			outcomes[k] = domain.Outcome{Status: domain.Conflict}
		}
	}
	return outcomes, nil
}

func (forgetful) ReaderID(_ context.Context, text string, _ bool) (int64, error) {
	return domain.FirstChoice(domain.ReaderID, text), nil
}

func (forgetful) Forget(_ context.Context, userID, _ int64) (int64, error) {
	if userID <= 0 {
		return 0, errors.New("no such reader")
	}
	return 7, nil
}

func (forgetful) CatchUp(context.Context, int64, int64) bool { return false }

// newForgetful returns a server of the test library. The fuzz targets call its methods
// directly: the goroutines of a connection would look like new coverage to the
// fuzzer.
func newForgetful(f *testing.F) *Server {
	f.Helper()
	rec := recommender.New()
	if err := rec.Load(testLibrary(), 1); err != nil {
		f.Fatal(err)
	}
	return New(Config{
		Recommender: rec, Journal: forgetful{rec.HasBook}, Name: "replica-1", FollowAge: time.Hour,
		Readiness: lifecycle.NewReadiness(), Registry: prometheus.NewRegistry(),
	})
}

// fakeStream is the server's side of a stream on which a client has sent a list.
type fakeStream[In, Out any] struct {
	grpc.ServerStream
	ctx  context.Context
	end  func() // called when all messages were read
	in   []*In
	sent []*Out
}

func (s *fakeStream[In, Out]) Context() context.Context { return s.ctx }

func (s *fakeStream[In, Out]) Recv() (*In, error) {
	if len(s.in) == 0 {
		s.end()
		return nil, io.EOF
	}
	next := s.in[0]
	s.in = s.in[1:]
	return next, nil
}

func (s *fakeStream[In, Out]) Send(m *Out) error {
	s.sent = append(s.sent, m)
	return nil
}

func (s *fakeStream[In, Out]) SendAndClose(m *Out) error { return s.Send(m) }

// The bounds of requests in the contract, repeated here.
func knownCategory(slug string) bool {
	return slices.Contains([]string{"", "fantasy", "romance"}, slug)
}
func goodResults(n int32) bool { return n >= 0 && n <= 100 }

// call is an RPC with a request, and the expected answer.
type call struct {
	do   func(context.Context) (proto.Message, error)
	want codes.Code
	most int32 // recommendations
}

// callOf decodes a request of one of the methods. ok is false if gRPC itself would
// refuse it.
func callOf(api *Server, method uint8, body []byte) (req proto.Message, c call, ok bool) {
	wantIf := func(good bool) codes.Code {
		if good {
			return codes.OK
		}
		return codes.InvalidArgument
	}
	switch method % 5 {
	case 0:
		r := &recommendationsv1.RecommendRequest{}
		ok = proto.Unmarshal(body, r) == nil
		return r, call{
			do:   func(ctx context.Context) (proto.Message, error) { return api.Recommend(ctx, r) },
			want: wantIf(r.GetUserId() > 0 && r.GetMinVersion() >= 0 && goodResults(r.GetMaxResults()) && knownCategory(r.GetCategory())),
			most: r.GetMaxResults(),
		}, ok
	case 1:
		r := &recommendationsv1.SimilarBooksRequest{}
		ok = proto.Unmarshal(body, r) == nil
		want := wantIf(r.GetBookId() > 0 && goodResults(r.GetMaxResults()))
		if want == codes.OK && r.GetBookId() > 450 {
			want = codes.NotFound
		}
		return r, call{
			do:   func(ctx context.Context) (proto.Message, error) { return api.SimilarBooks(ctx, r) },
			want: want, most: r.GetMaxResults(),
		}, ok
	case 2:
		r := &recommendationsv1.GetHistoryRequest{}
		ok = proto.Unmarshal(body, r) == nil
		return r, call{
			do:   func(ctx context.Context) (proto.Message, error) { return api.GetHistory(ctx, r) },
			want: wantIf(r.GetUserId() > 0 && r.GetMinVersion() >= 0),
		}, ok
	case 3:
		r := &recommendationsv1.ForgetReaderRequest{}
		ok = proto.Unmarshal(body, r) == nil
		return r, call{
			do:   func(ctx context.Context) (proto.Message, error) { return api.ForgetReader(ctx, r) },
			want: wantIf(r.GetUserId() > 0),
		}, ok
	default:
		r := &recommendationsv1.ListBooksRequest{}
		ok = proto.Unmarshal(body, r) == nil
		return r, call{
			do: func(ctx context.Context) (proto.Message, error) {
				stream := &fakeStream[recommendationsv1.ListBooksRequest, recommendationsv1.ListBooksResponse]{ctx: ctx}
				if err := api.ListBooks(r, stream); err != nil {
					return nil, err
				}
				header := stream.sent[0].GetHeader()
				if header.GetUnchanged() != (r.GetIfVersion() == "v1") || header.GetUnchanged() != (len(stream.sent) == 1) {
					return nil, errors.New("unchanged is wrong")
				}
				return header, nil
			},
		}, ok
	}
}

// FuzzRequests sends any request that can be decoded. A valid one is answered, any other
// one is refused with all its invalid fields.
func FuzzRequests(f *testing.F) {
	for method, req := range []proto.Message{
		&recommendationsv1.RecommendRequest{UserId: 2, Category: "romance", MaxResults: 3, MinVersion: 1},
		&recommendationsv1.SimilarBooksRequest{BookId: 1, MaxResults: 100},
		&recommendationsv1.GetHistoryRequest{UserId: 2, MinVersion: 1 << 62},
		&recommendationsv1.ForgetReaderRequest{UserId: 2},
		&recommendationsv1.ListBooksRequest{IfVersion: "v1"},
		&recommendationsv1.RecommendRequest{UserId: -2, Category: "\u0000", MaxResults: -1 << 31, MinVersion: -1 << 63},
		&recommendationsv1.SimilarBooksRequest{BookId: 1<<63 - 1, MaxResults: 101},
	} {
		body, err := proto.Marshal(req)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(method), body)
	}
	f.Add(uint8(0), []byte{0x08, 0x01, 0x08, 0x02, 0x7a, 0x01, 0xff}) // a repeated and an unknown field
	api := newForgetful(f)
	f.Fuzz(func(t *testing.T, method uint8, body []byte) {
		req, c, ok := callOf(api, method, body)
		if !ok {
			return
		}
		resp, err := c.do(t.Context())
		again, err2 := c.do(t.Context())
		if diff := cmp.Diff(resp, again, protocmp.Transform()); err == nil && diff != "" || status.Code(err) != status.Code(err2) {
			t.Errorf("%v: not the same again: %v, %v\n%s", req, err, err2, diff)
		}
		if status.Code(err) != c.want {
			t.Fatalf("%v: %v, want %v", req, err, c.want)
		}
		if c.want == codes.InvalidArgument {
			checkRefusal(t, req, err)
		}
		if err != nil {
			return
		}
		if _, err := proto.Marshal(resp); err != nil {
			t.Errorf("%v has an answer that cannot be sent: %v", req, err)
		}
		if list, ok := resp.(interface {
			GetRecommendations() []*recommendationsv1.Recommendation
		}); ok {
			checkShelf(t, list.GetRecommendations(), c.most)
		}
	})
}

// checkRefusal checks that a refusal names the invalid fields and is short.
func checkRefusal(t *testing.T, req proto.Message, err error) {
	t.Helper()
	s := status.Convert(err)
	if len(s.Details()) != 1 || len(s.Message()) > maxAnswer {
		t.Fatalf("%d details, a text of %d bytes", len(s.Details()), len(s.Message()))
	}
	wrong := s.Details()[0].(*errdetails.BadRequest).GetFieldViolations()
	if len(wrong) == 0 {
		t.Error("no field is named")
	}
	for _, v := range wrong {
		if req.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(v.GetField())) == nil {
			t.Errorf("%q is no field of the request", v.GetField())
		}
		if n := len(v.GetDescription()); n == 0 || n > 1000 {
			t.Errorf("%s: a description of %d bytes", v.GetField(), n)
		}
	}
}

// checkShelf checks that a shelf has no more books than asked for, each once and from the
// catalogue.
func checkShelf(t *testing.T, list []*recommendationsv1.Recommendation, most int32) {
	t.Helper()
	if most == 0 {
		most = defaultResults
	}
	if len(list) > int(most) {
		t.Errorf("%d books, want at most %d", len(list), most)
	}
	seen := map[int64]bool{}
	for _, r := range list {
		if r.GetBookId() < 1 || r.GetBookId() > 450 || seen[r.GetBookId()] {
			t.Errorf("book %d is not of the catalogue, or there twice", r.GetBookId())
		}
		seen[r.GetBookId()] = true
	}
}

// messages decodes length-prefixed messages, up to the first that is invalid.
func messages[T any, M interface {
	*T
	proto.Message
}](stream []byte,
) (list []M) {
	const most = 200 // more than answers list
	for from := bytes.NewReader(stream); len(list) < most; {
		m := M(new(T))
		if protodelim.UnmarshalFrom(from, m) != nil {
			return list
		}
		list = append(list, m)
	}
	return list
}

func together[M proto.Message](f *testing.F, list ...M) []byte {
	f.Helper()
	var stream bytes.Buffer
	for _, m := range list {
		if _, err := protodelim.MarshalTo(&stream, m); err != nil {
			f.Fatal(err)
		}
	}
	return stream.Bytes()
}

// checkRejection checks that a rejection has a reason, a field and an id that is not too
// long.
func checkRejection(t *testing.T, r *recommendationsv1.Rejection) {
	t.Helper()
	fields := []string{"id", "user_id", "book_id", "kind", "rating"}
	if r.GetReason() == 0 || !slices.Contains(fields, r.GetField()) || r.GetDescription() == "" {
		t.Errorf("rejected without a reason: %v", r)
	}
	if len(r.GetId()) > domain.MaxInteractionID || len(r.GetDescription()) > 200 {
		t.Errorf("an id of %d bytes and a description of %d", len(r.GetId()), len(r.GetDescription()))
	}
}

// record makes one call of RecordInteractions.
func record(t *testing.T, api *Server, list []*recommendationsv1.RecordInteractionsRequest) *recommendationsv1.RecordInteractionsResponse {
	t.Helper()
	stream := &fakeStream[recommendationsv1.RecordInteractionsRequest, recommendationsv1.RecordInteractionsResponse]{
		ctx: t.Context(), in: list, end: func() {},
	}
	if err := api.RecordInteractions(stream); err != nil || len(stream.sent) != 1 {
		t.Fatalf("%v: %d answers, %v", list, len(stream.sent), err)
	}
	return stream.sent[0]
}

// FuzzRecordInteractions sends any stream of interactions: each is stored, repeated
// or rejected, and only valid ones reach the journal.
func FuzzRecordInteractions(f *testing.F) {
	wrap := func(i *recommendationsv1.Interaction) *recommendationsv1.RecordInteractionsRequest {
		return &recommendationsv1.RecordInteractionsRequest{Interaction: i}
	}
	like := wrap(did("a", 700, 1, aLike, 0))
	f.Add(together(f, like, wrap(did("b", 700, 3, aRating, 2)), like, wrap(did("a", 700, 5, aLike, 0))))
	f.Add(together(f, wrap(did("c", -1, 1<<62, 99, 6)), wrap(nil), wrap(did("", 0, 0, 0, 0)), wrap(did("\u00e9 \u0000", 1, 1, aView, 0)), wrap(did(strings.Repeat("é", 1000), 1, 1, aLike, 0))))
	f.Add([]byte{})
	api := newForgetful(f)
	f.Fuzz(func(t *testing.T, stream []byte) {
		list := messages[recommendationsv1.RecordInteractionsRequest](stream)
		resp := record(t, api, list)
		if again := record(t, api, list); !proto.Equal(resp, again) {
			t.Errorf("not the same again: %v, %v", resp, again)
		}
		if n := resp.GetStored() + resp.GetRepeated() + resp.GetRejected(); n != int64(len(list)) {
			t.Errorf("%v of %d", resp, len(list))
		}
		if n := len(resp.GetRejections()); n != int(min(resp.GetRejected(), maxRejections)) || proto.Size(resp) > maxAnswer {
			t.Errorf("%d rejections of %d are listed in %d bytes", n, resp.GetRejected(), proto.Size(resp))
		}
		seen := map[int64]bool{}
		for _, r := range resp.GetRejections() {
			if seen[r.GetIndex()] || r.GetIndex() < 0 || r.GetIndex() >= int64(len(list)) {
				t.Errorf("index %d is not in the stream, or there twice", r.GetIndex())
			}
			seen[r.GetIndex()] = true
			checkRejection(t, r)
		}
	})
}

// FuzzFollow sends any stream of messages. A valid start gets a shelf, each interaction
// after it an answer, and anything else ends the stream with INVALID_ARGUMENT.
func FuzzFollow(f *testing.F) {
	start := func(s *recommendationsv1.FollowStart) *recommendationsv1.FollowRequest {
		return &recommendationsv1.FollowRequest{Part: &recommendationsv1.FollowRequest_Start{Start: s}}
	}
	act := func(i *recommendationsv1.Interaction) *recommendationsv1.FollowRequest {
		return &recommendationsv1.FollowRequest{Part: &recommendationsv1.FollowRequest_Interaction{Interaction: i}}
	}
	good := start(&recommendationsv1.FollowStart{UserId: 2, Category: "fantasy", MaxResults: 3})
	f.Add(together(f, good, act(did("a", 700, 1, aLike, 0)), act(did("", 0, 0, 0, 9))))
	f.Add(together(f, good, good))
	f.Add(together(f, good, act(did("a", 2, 1, aLike, 0)), &recommendationsv1.FollowRequest{}))
	f.Add(together(f, start(&recommendationsv1.FollowStart{UserId: -1, Category: "x", MaxResults: 101, AfterVersion: -1})))
	f.Add(together(f, start(&recommendationsv1.FollowStart{UserId: 2, AfterVersion: 1<<63 - 1})))
	f.Add([]byte{})
	api := newForgetful(f)
	f.Fuzz(func(t *testing.T, sent []byte) {
		list := messages[recommendationsv1.FollowRequest](sent)
		var start *recommendationsv1.FollowStart
		acts, refused := 0, true // in the messages, up to the first invalid one
		if len(list) > 0 {
			start = list[0].GetStart()
		}
		if start.GetUserId() > 0 && start.GetAfterVersion() >= 0 && goodResults(start.GetMaxResults()) && knownCategory(start.GetCategory()) {
			acts = slices.IndexFunc(list[1:], func(m *recommendationsv1.FollowRequest) bool { return m.GetInteraction() == nil })
			if refused = acts >= 0; !refused {
				acts = len(list) - 1
			}
		}
		want := codes.Canceled // the client closes its side and leaves
		if refused {
			want = codes.InvalidArgument
		}
		most := start.GetMaxResults()

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stream := &fakeStream[recommendationsv1.FollowRequest, recommendationsv1.FollowResponse]{ctx: ctx, in: list, end: cancel}
		if err := api.Follow(stream); status.Code(err) != want {
			t.Errorf("%v: %v, want %v", list, err, want)
		}
		answers := 0
		for _, resp := range stream.sent {
			if proto.Size(resp) > maxAnswer {
				t.Errorf("an answer of %d bytes", proto.Size(resp))
			}
			if shelf := resp.GetShelf(); shelf != nil {
				checkShelf(t, shelf.GetRecommendations(), most)
				continue
			}
			recorded := resp.GetRecorded()
			if recorded == nil || recorded.GetStored() == (recorded.GetRejection() != nil) {
				t.Fatalf("neither stored nor rejected: %v", resp)
			}
			if recorded.GetRejection() != nil {
				checkRejection(t, recorded.GetRejection())
			}
			answers++
		}
		if answers != acts {
			t.Errorf("%v: %d interactions are answered, want %d", list, answers, acts)
		}
	})
}
