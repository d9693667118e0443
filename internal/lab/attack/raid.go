package attack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// attacker is the address on loopback that attacks come from.
const attacker = "127.0.0.66"

// dialTimeout bounds one connect. A server's queue of connections may be full.
const dialTimeout = 2 * time.Second

// raid is one attack under way, in the attacker's process.
type raid struct {
	shop, replica string        // host:port
	share         float64       // of the full counts
	length        time.Duration // what an attack may take

	mu     sync.Mutex
	counts map[string]int // of what was done, and of what came back
	wrong  []string       // answers that the attacked should not have given
}

// n returns the share of a full count.
func (r *raid) n(full int) int { return max(1, int(float64(full)*r.share)) }

func (r *raid) count(what string, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[what] += n
}

// fail reports an answer that the attacked should not have given.
func (r *raid) fail(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.wrong) < 10 {
		r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
	}
}

// did is what the attacker's process reports.
type did struct {
	Counts map[string]int
	Wrong  []string
}

func (d did) String() string {
	var list []string
	for _, what := range slices.Sorted(maps.Keys(d.Counts)) {
		list = append(list, fmt.Sprintf("%s %s", grouped(d.Counts[what]), what))
	}
	return strings.Join(list, ", ")
}

// grouped writes 10000 as 10,000.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// Assail is the attacker: it makes one attack and prints what it did as JSON. The command
// attack runs it as a process of its own, which it holds to half a core.
type Assail struct {
	Name    string        `arg:"" help:"Attack to make."`
	Shop    string        `help:"Address of the shop." required:"" placeholder:"HOST:PORT"`
	Replica string        `help:"Address of a replica." required:"" placeholder:"HOST:PORT"`
	Share   float64       `help:"Share of the full counts." default:"1"`
	Length  time.Duration `help:"How long the attack may take." default:"5s"`
}

// Run makes the attack.
func (a *Assail) Run(ctx context.Context, stdout io.Writer) error {
	chosen, err := choose([]string{a.Name})
	if err != nil {
		return err
	}
	r := &raid{shop: a.Shop, replica: a.Replica, share: a.Share, length: a.Length, counts: map[string]int{}}
	ctx, cancel := context.WithTimeout(ctx, a.Length)
	defer cancel()
	if err := chosen[0].do(ctx, r); err != nil && ctx.Err() == nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(did{r.counts, r.wrong})
}

// dial connects to a server from the attacker's address.
func (r *raid) dial(ctx context.Context, address string) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: dialTimeout, LocalAddr: &net.TCPAddr{IP: net.ParseIP(attacker)}}
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// crowd opens n connections to an address, evenly over the first half of the attack, and
// has each used by a goroutine of its own until that returns or the attack is over.
func (r *raid) crowd(ctx context.Context, n int, address string, use func(context.Context, net.Conn)) {
	var working sync.WaitGroup
	defer working.Wait()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	began := time.Now()
	for opened := 0; opened < n; {
		due := min(n, 1+int(float64(n)*float64(time.Since(began))/float64(r.length/2)))
		for ; opened < due; opened++ {
			c, err := r.dial(ctx, address)
			if ctx.Err() != nil {
				return
			} else if err != nil {
				r.count("connections "+brief(err), 1)
				continue
			}
			r.count("connections", 1)
			working.Go(func() {
				defer c.Close()
				stop := context.AfterFunc(ctx, func() { _ = c.Close() })
				defer stop()
				use(ctx, c)
				if ctx.Err() == nil {
					r.count("closed early", 1)
				}
			})
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// drain reads until the other side closes.
func drain(c io.Reader) { _, _ = io.Copy(io.Discard, c) }

// brief puts an error into one of a few classes, so that they can be counted.
func brief(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed"
	case errors.Is(err, syscall.EMFILE):
		return "without a file"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timed out"
	default:
		return "broken"
	}
}
