// Package tutorial serves the examples of docs/tutorial.md in the shop: a page that
// makes the calls of the tutorials, and an API that compares gRPC with REST. The shop
// includes it with --tutorial only.
//
// As in the tutorials, clients and pages are in one place; the shop's own code keeps
// them apart.
package tutorial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	tutorialpb "bookstall/gen/tutorial"
	apipb "bookstall/gen/tutorial/api"
	bidirectionalpb "bookstall/gen/tutorial/bidirectional"
	clientstreamingpb "bookstall/gen/tutorial/clientstreaming"
	service1pb "bookstall/gen/tutorial/service1"
	unarypb "bookstall/gen/tutorial/unary"
)

// callTimeout bounds each call, streams included.
const callTimeout = 2 * time.Second

// Why recommendations does not answer.
var (
	// ErrAway means that it cannot be reached, or missed the deadline.
	ErrAway = errors.New("recommendations is unavailable")
	// ErrOff means that the replica does not serve the examples.
	ErrOff = errors.New("recommendations runs without --tutorial")
)

// Item is one item of a list.
type Item struct {
	ID   int
	Name string
}

// Client makes the tutorials' calls over gRPC.
type Client struct {
	recommendations tutorialpb.RecommendationsClient
	api             apipb.ApiClient
	unary           unarypb.UnaryClient
	clientStreaming clientstreamingpb.ClientStreamingClient
	bidirectional   bidirectionalpb.BidirectionalClient
	service1        service1pb.Service1Client
}

// NewClient returns a client that makes its calls on conn.
func NewClient(conn grpc.ClientConnInterface) *Client {
	return &Client{
		recommendations: tutorialpb.NewRecommendationsClient(conn),
		api:             apipb.NewApiClient(conn),
		unary:           unarypb.NewUnaryClient(conn),
		clientStreaming: clientstreamingpb.NewClientStreamingClient(conn),
		bidirectional:   bidirectionalpb.NewBidirectionalClient(conn),
		service1:        service1pb.NewService1Client(conn),
	}
}

// failed wraps the error of a call, with ErrAway or ErrOff where it is one of these.
func failed(call string, err error) error {
	if err == nil {
		return nil
	}
	reason := err
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		reason = fmt.Errorf("%w: %w", ErrAway, err)
	case codes.Unimplemented:
		reason = fmt.Errorf("%w: %w", ErrOff, err)
	default: // unexpected
	}
	return fmt.Errorf("%s: %w", call, reason)
}

// Recommend returns titles of romances for reader 1: a unary call.
func (c *Client) Recommend(ctx context.Context, n int) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, err := c.recommendations.Recommend(ctx, &tutorialpb.RecommendationRequest{
		UserId: 1, Category: tutorialpb.BookCategory_ROMANCE, MaxResults: int32(n),
	})
	if err != nil {
		return nil, failed("Recommend", err)
	}
	var titles []string
	for _, r := range resp.GetRecommendations() {
		titles = append(titles, r.GetTitle())
	}
	return titles, nil
}

// SayHello returns the greeting of a name: a unary call.
func (c *Client) SayHello(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, err := c.api.SayHello(ctx, &apipb.HelloRequest{Name: name})
	return resp.GetMessage(), failed("sayHello", err)
}

// GetAll returns n items from one answer: a unary call.
func (c *Client) GetAll(ctx context.Context, n int) ([]Item, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, err := c.api.GetAll(ctx, &apipb.ApiRequest{Length: int32(n)})
	if err != nil {
		return nil, failed("getAll", err)
	}
	var list []Item
	for _, i := range resp.GetItems() {
		list = append(list, Item{int(i.GetId()), i.GetName()})
	}
	return list, nil
}

// GetStream calls show with each of n items as it arrives: server streaming.
func (c *Client) GetStream(ctx context.Context, n int, show func(Item)) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stream, err := c.api.GetStream(ctx, &apipb.ApiRequest{Length: int32(n)})
	for err == nil {
		var i *apipb.Item
		if i, err = stream.Recv(); err == nil {
			show(Item{int(i.GetId()), i.GetName()})
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return failed("getStream", err)
}

// Tell sends one message and returns the answer: a unary call.
func (c *Client) Tell(ctx context.Context, message string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, err := c.unary.GetServerResponse(ctx, &unarypb.Message{Message: message})
	return resp.GetMessage(), failed("unary", err)
}

// TellAll sends messages and returns the one answer to all: client streaming.
func (c *Client) TellAll(ctx context.Context, messages []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stream, err := c.clientStreaming.GetServerResponse(ctx)
	if err != nil {
		return "", failed("client streaming", err)
	}
	for _, m := range messages {
		if err := stream.Send(&clientstreamingpb.Message{Message: m}); err != nil {
			break // CloseAndRecv returns the cause
		}
	}
	resp, err := stream.CloseAndRecv()
	return resp.GetMessage(), failed("client streaming", err)
}

// Echo sends messages and, at the same time, calls show with each that comes back:
// bidirectional streaming.
func (c *Client) Echo(ctx context.Context, messages []string, show func(string)) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	stream, err := c.bidirectional.GetServerResponse(ctx)
	if err != nil {
		return failed("bidirectional", err)
	}
	var sending errgroup.Group
	sending.Go(func() error {
		for _, m := range messages {
			if err := stream.Send(&bidirectionalpb.Message{Message: m}); err != nil {
				break // Recv returns the cause
			}
		}
		return stream.CloseSend()
	})
	for err == nil {
		var m *bidirectionalpb.Message
		if m, err = stream.Recv(); err == nil {
			show(m.GetMessage())
		}
	}
	cancel() // unblocks Send if the stream broke
	_ = sending.Wait()
	if errors.Is(err, io.EOF) {
		return nil
	}
	return failed("bidirectional", err)
}

// ProcessName returns a name in upper case: a unary call.
func (c *Client) ProcessName(ctx context.Context, name string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, err := c.service1.ProcessName(ctx, &service1pb.ProcessNameRequest{Name: strings.ToValidUTF8(name, "\uFFFD")})
	return resp.GetName(), failed("ProcessName", err)
}
