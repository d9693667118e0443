package balance

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
)

// picker chooses the replica of each call: the one that the child chooses, unless that one
// was taken out a moment ago, has had its share for now, or has had an earlier attempt of the
// call, or an earlier call of Elsewhere.
type picker struct {
	child balancer.Picker
	pool  *pool
}

// Pick implements balancer.Picker.
func (p picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	if p.pool.ramping.Load() > 0 {
		p.pool.picks.Add(1)
	}
	call, calls := callOf(info.Ctx), callsOf(info.Ctx)
	for tries := 2 * p.pool.size.Load(); ; tries-- {
		result, err := p.child.Pick(info)
		if err != nil {
			return result, err
		}
		c, ok := result.SubConn.(*conn)
		if !ok || c.replica == nil { // a child's own connection, or one of a list that is outdated
			if ok {
				result.SubConn = c.SubConn
			}
			return result, nil
		}
		if tries > 0 && (call.tried(c.replica) || calls.tried(c.replica) || !p.takes(c.replica)) {
			// The child's next choice takes the call. It is then the turn of the one after that,
			// so the others share evenly what this one does not take.
			if result.Done != nil {
				result.Done(balancer.DoneInfo{}) // as gRPC does for a call that was not sent
			}
			continue
		}
		calls.sentTo(c.replica)
		return p.sent(result, c, call, info), nil
	}
}

// takes reports whether r takes a call now.
func (p picker) takes(r *replica) bool {
	return !r.out.Load() && (p.pool.ramping.Load() == 0 || p.pool.rampTakes(r))
}

// sent returns the result with a Done that records how the attempt ends.
func (p picker) sent(result balancer.PickResult, c *conn, call *call, info balancer.PickInfo) balancer.PickResult {
	stream := call.sentTo(c)
	began, childDone, pool, running := time.Now(), result.Done, p.pool, &c.replica.running
	result.SubConn = c.SubConn
	running.Add(1)
	result.Done = func(done balancer.DoneInfo) {
		running.Add(-1)
		if childDone != nil {
			childDone(done)
		}
		if !done.BytesSent && done.Err == nil {
			return // not sent: the connection broke in between
		}
		change := pool.ended(c.replica, pool.cfg.judge(info.FullMethodName, stream, began, done))
		if change.To != "" {
			pool.cfg.excluded(info.Ctx, change)
		}
	}
	return result
}

// call is a call in flight, and its context: one allocation for both.
type call struct {
	context.Context
	stream bool
	conn   atomic.Pointer[conn] // of the last attempt
	before []*replica           // of the attempts before that; there is one attempt at a time
}

// sentTo notes the connection of an attempt, and reports whether the call is a stream.
func (c *call) sentTo(next *conn) (stream bool) {
	if c == nil {
		return false
	}
	if last := c.conn.Swap(next); last != nil {
		c.before = append(c.before, last.replica)
	}
	return c.stream
}

// tried reports whether an attempt of the call went to r, so that a retry goes to another.
func (c *call) tried(r *replica) bool {
	if c == nil {
		return false
	}
	last := c.conn.Load()
	return last != nil && (last.replica == r || slices.Contains(c.before, r))
}

type callKey struct{} // has the call of a context

// callOf returns the call of a context, nil for none.
func callOf(ctx context.Context) *call {
	if ctx == nil {
		return nil
	}
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// Value implements context.Context.
func (c *call) Value(key any) any {
	if key == (callKey{}) {
		return c
	}
	return c.Context.Value(key)
}

func markStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return next(&call{Context: ctx, stream: true}, desc, cc, method, opts...)
}

// readName reads the replica's name in the answer to a unary call.
func (b *Balancer) readName(ctx context.Context, method string, request, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	c := &call{Context: ctx}
	err := next(c, method, request, reply, cc, opts...)
	if err != nil {
		return err
	}
	conn := c.conn.Load()
	if conn == nil || conn.replica == nil {
		return nil
	}
	name := b.cfg.servedBy(reply)
	if known := conn.name.Load(); known == nil || *known != name {
		conn.policy.pool.named(conn, name)
	}
	return nil
}
