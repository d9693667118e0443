// Command balance is a small gRPC client that uses package balance, to compare its size with
// that of the one beside it.
package main

import (
	"context"
	"fmt"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"bookstall/balance"
)

func main() {
	b, err := balance.New(balance.WithHealthService("books.v1.Books"))
	if err != nil {
		panic(err)
	}
	defer b.Close()
	conn, err := grpc.NewClient(os.Args[1], append(b.DialOptions(), grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	fmt.Println(healthpb.NewHealthClient(conn).Check(context.Background(), &healthpb.HealthCheckRequest{}))
	fmt.Println(b.Replicas())
}
