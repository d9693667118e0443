package main

import (
	"context"
	"io"

	"github.com/go-kratos/kratos/v2/log"
	kratos "github.com/go-kratos/kratos/v2/transport/grpc"
	"github.com/zeromicro/go-zero/core/conf"
	"github.com/zeromicro/go-zero/core/logx"
	"github.com/zeromicro/go-zero/zrpc"
	"google.golang.org/grpc"

	"bookstall/internal/test/conformance"
)

// kratosClient is the client of Kratos, with its default selector. Its own service config
// has no retries and checks the health of the server as a whole; it is replaced by one with
// the retries and the health check that all subjects have.
func kratosClient() conformance.Subject {
	return conformance.Subject{Name: "Kratos", Dial: func(target string) (*grpc.ClientConn, func(), error) {
		log.SetLogger(log.NewStdLogger(io.Discard))
		conn, err := kratos.DialInsecure(context.Background(),
			kratos.WithEndpoint(target),
			kratos.WithTimeout(0), // the caller's deadline counts
			kratos.WithOptions(grpc.WithDefaultServiceConfig(conformance.ServiceConfig("selector"))),
		)
		if err != nil {
			return nil, nil, err
		}
		return conn, func() { conn.Close() }, nil
	}}
}

// zeroClient is the client of go-zero with its defaults, with a target as its documentation
// has it for a headless Service. Its service config is replaced as that of Kratos.
func zeroClient() conformance.Subject {
	return conformance.Subject{Name: "go-zero", Dial: func(target string) (*grpc.ClientConn, func(), error) {
		logx.Disable()
		var c zrpc.RpcClientConf
		if err := conf.FillDefault(&c); err != nil {
			return nil, nil, err
		}
		c.Target = target
		c.Timeout = 0 // the caller's deadline counts
		client, err := zrpc.NewClient(c, zrpc.WithDialOption(grpc.WithDefaultServiceConfig(conformance.ServiceConfig("p2c_ewma"))))
		if err != nil {
			return nil, nil, err
		}
		return client.Conn(), func() { client.Conn().Close() }, nil
	}}
}
