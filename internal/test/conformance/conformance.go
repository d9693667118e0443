// Package conformance tests any way to make a gRPC client for a DNS name: what such a client
// does when replicas come, go, fail, hang and lie, and when DNS does. The rows are the tests,
// the subjects are the clients. Servers, DNS and connections are real, on loopback addresses.
//
// The package has the rows and two subjects: package balance and grpc-go itself. The program
// tools/conformance, a module of its own, adds the clients of other libraries.
package conformance

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// A Subject is a way to make a client.
type Subject struct {
	Name string
	// Dial returns a client of target, which is dns://SERVER/NAME:PORT, and what closes all
	// that it has opened.
	Dial func(target string) (conn *grpc.ClientConn, closeAll func(), err error)
}

// A Row is one test.
type Row struct {
	Name  string
	Limit string // what is measured, and its bound
	// Alone says that nothing else may run beside it.
	Alone bool

	run func(context.Context, *world) (measured string, ok bool, err error)
}

// A Result is what one row measured for one subject.
type Result struct {
	Measured string
	OK       bool
}

// Options set up a run.
type Options struct {
	// Outage is how long DNS has trouble. grpc-go's resolver asks again only when a
	// connection has broken and 30 s have passed, so anything shorter proves nothing for it.
	Outage time.Duration
}

// Run runs one row for one subject. An error means that the row could not be run.
func (r Row) Run(ctx context.Context, s Subject, o Options) (result Result, err error) {
	w, err := newWorld(s, o)
	if err != nil {
		return Result{}, err
	}
	defer w.close()
	result.Measured, result.OK, err = r.run(ctx, w)
	return result, err
}

// RunAll runs rows for one subject: those that stand being beside others at the same time,
// then the others one by one. The results are in the order of rows; a row that could not be
// run has its error as the measured text.
func RunAll(ctx context.Context, rows []Row, s Subject, o Options) []Result {
	results := make([]Result, len(rows))
	run := func(i int) {
		var err error
		if results[i], err = rows[i].Run(ctx, s, o); err != nil {
			results[i] = Result{Measured: fmt.Sprintf("could not be run: %v", err)}
		}
	}
	var together sync.WaitGroup
	for i, r := range rows {
		if !r.Alone {
			together.Go(func() { run(i) })
		}
	}
	together.Wait()
	for i, r := range rows {
		if r.Alone {
			run(i)
		}
	}
	return results
}
