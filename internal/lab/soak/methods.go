package soak

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"
)

// callEachMethod calls every method of a gRPC server once, with an empty request, and waits
// for the first message or the error.
func callEachMethod(ctx context.Context, address string) (err error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel() // ends the streams that would go on
	methods, err := methodsOf(ctx, conn)
	if err != nil {
		return fmt.Errorf("methods of %s: %w", address, err)
	}
	for _, m := range methods {
		// Most refuse an empty request, which counts as a call.
		lost := []codes.Code{codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Unimplemented}
		if code := status.Code(callEmpty(ctx, conn, m)); slices.Contains(lost, code) {
			return fmt.Errorf("%s of %s: %v", m, address, code)
		}
	}
	return nil
}

func callEmpty(ctx context.Context, conn *grpc.ClientConn, method string) error {
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
	if err != nil {
		return err
	}
	// An error of sending is that of the call, which receiving returns.
	if err := stream.SendMsg(&emptypb.Empty{}); err == nil {
		_ = stream.CloseSend()
	}
	return stream.RecvMsg(&emptypb.Empty{})
}

// methodsOf asks a server's reflection service for its methods.
func methodsOf(ctx context.Context, conn *grpc.ClientConn) (methods []string, err error) {
	stream, err := reflectionpb.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		return nil, err
	}
	ask := func(q *reflectionpb.ServerReflectionRequest) (*reflectionpb.ServerReflectionResponse, error) {
		_ = stream.Send(q) // its error is that of the call, which Recv returns
		return stream.Recv()
	}
	listed, err := ask(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}})
	if err != nil {
		return nil, err
	}
	for _, service := range listed.GetListServicesResponse().GetService() {
		described, err := ask(&reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: service.GetName()}})
		if err != nil {
			return nil, err
		}
		for _, encoded := range described.GetFileDescriptorResponse().GetFileDescriptorProto() {
			var file descriptorpb.FileDescriptorProto
			if err := proto.Unmarshal(encoded, &file); err != nil {
				return nil, err
			}
			for _, s := range file.GetService() {
				if file.GetPackage()+"."+s.GetName() != service.GetName() {
					continue
				}
				for _, m := range s.GetMethod() {
					methods = append(methods, "/"+service.GetName()+"/"+m.GetName())
				}
			}
		}
	}
	if len(methods) == 0 {
		return nil, errors.New("the server has none")
	}
	return methods, stream.CloseSend()
}
