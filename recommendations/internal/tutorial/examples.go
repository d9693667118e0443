package tutorial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	apipb "bookstall/gen/tutorial/api"
	bidirectionalpb "bookstall/gen/tutorial/bidirectional"
	clientstreamingpb "bookstall/gen/tutorial/clientstreaming"
	service1pb "bookstall/gen/tutorial/service1"
	unarypb "bookstall/gen/tutorial/unary"
)

// The longest lists, in items.
const (
	// getAll answers with one message, which both ends hold in memory. A client
	// accepts 4 MiB by default; maxAll items are 0.2 MB.
	maxAll = 10_000
	// getStream holds one item at a time. maxStream limits a call to some seconds.
	maxStream = 1_000_000
)

// RegisterExamples adds the services of the tutorials to a gRPC server, except for
// Recommendations, which [Server] implements.
func RegisterExamples(to grpc.ServiceRegistrar) {
	apipb.RegisterApiServer(to, api{})
	unarypb.RegisterUnaryServer(to, unary{})
	bidirectionalpb.RegisterBidirectionalServer(to, bidirectional{})
	clientstreamingpb.RegisterClientStreamingServer(to, clientStreaming{})
	service1pb.RegisterService1Server(to, service1{})
}

// api implements a unary call, and a list as one message and as a stream.
type api struct{ apipb.UnimplementedApiServer }

func (api) SayHello(_ context.Context, req *apipb.HelloRequest) (*apipb.Hello, error) {
	return &apipb.Hello{Message: "Hello " + req.GetName() + "!"}, nil
}

func (api) GetAll(_ context.Context, req *apipb.ApiRequest) (*apipb.Items, error) {
	if err := checkLength(req, maxAll, "getStream takes more"); err != nil {
		return nil, err
	}
	items := make([]*apipb.Item, req.GetLength())
	for i := range items {
		items[i] = item(i + 1)
	}
	return &apipb.Items{Items: items}, nil
}

// GetStream ends with an error of Send when the client disconnects. If the client
// reads slowly, Send blocks once the flow control windows are full.
func (api) GetStream(req *apipb.ApiRequest, stream grpc.ServerStreamingServer[apipb.Item]) error {
	if err := checkLength(req, maxStream, ""); err != nil {
		return err
	}
	for id := range int(req.GetLength()) {
		if err := stream.Send(item(id + 1)); err != nil {
			return err
		}
	}
	return nil
}

func item(id int) *apipb.Item { return &apipb.Item{Id: int32(id), Name: fmt.Sprintf("name %d", id)} }

// checkLength returns INVALID_ARGUMENT for a length that is negative or too large.
func checkLength(req *apipb.ApiRequest, most int32, hint string) error {
	if n := req.GetLength(); n >= 0 && n <= most {
		return nil
	}
	wrong := fmt.Sprintf("is %d, want 0 to %d", req.GetLength(), most)
	if hint != "" && req.GetLength() > most {
		wrong += "; " + hint
	}
	s := status.New(codes.InvalidArgument, "invalid request: length "+wrong)
	detailed, err := s.WithDetails(&errdetails.BadRequest{
		FieldViolations: []*errdetails.BadRequest_FieldViolation{{Field: "length", Description: wrong}},
	})
	if err != nil {
		return s.Err() // its message says the same
	}
	return detailed.Err()
}

// unary implements the unary call.
type unary struct {
	unarypb.UnimplementedUnaryServer
}

func (unary) GetServerResponse(_ context.Context, req *unarypb.Message) (*unarypb.MessageResponse, error) {
	return &unarypb.MessageResponse{
		Message:  `Hello I am up and running received "` + req.GetMessage() + `" message from you`,
		Received: true,
	}, nil
}

// bidirectional sends each message back at once.
type bidirectional struct {
	bidirectionalpb.UnimplementedBidirectionalServer
}

// GetServerResponse stops reading while the client does not read, because Send
// blocks.
func (bidirectional) GetServerResponse(stream grpc.BidiStreamingServer[bidirectionalpb.Message, bidirectionalpb.Message]) error {
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.Send(message); err != nil {
			return err
		}
	}
}

// clientStreaming counts the messages.
type clientStreaming struct {
	clientstreamingpb.UnimplementedClientStreamingServer
}

func (clientStreaming) GetServerResponse(stream grpc.ClientStreamingServer[clientstreamingpb.Message, clientstreamingpb.MessageResponse]) error {
	for count := int64(0); ; count++ {
		_, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return stream.SendAndClose(&clientstreamingpb.MessageResponse{
				Message:  fmt.Sprintf("Hello I am up and running received %d messages from you", count),
				Received: count > 0, Count: count,
			})
		} else if err != nil {
			return err
		}
	}
}

// service1 is the service of the comparison between gRPC and REST.
type service1 struct {
	service1pb.UnimplementedService1Server
}

func (service1) ProcessName(_ context.Context, req *service1pb.ProcessNameRequest) (*service1pb.ProcessNameResponse, error) {
	return &service1pb.ProcessNameResponse{Name: strings.ToUpper(req.GetName())}, nil
}
