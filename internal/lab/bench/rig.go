package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/lab/fleet"
)

// rig runs the processes of one section.
type rig struct {
	bench   *bench
	dir     string
	running []*fleet.Process
	closers []func() error
}

func (b *bench) newRig() (*rig, error) {
	dir, err := os.MkdirTemp("", "bookstall-bench-")
	return &rig{bench: b, dir: dir}, err
}

// close ends all processes.
func (r *rig) close() error {
	var errs []error
	for _, do := range slices.Backward(r.closers) {
		errs = append(errs, do())
	}
	for _, p := range slices.Backward(r.running) {
		errs = append(errs, p.Stop(10*time.Second))
	}
	return errors.Join(append(errs, os.RemoveAll(r.dir))...)
}

func (r *rig) start(name string, command, args, env []string, at fleet.Listening) (*fleet.Process, fleet.Listening, error) {
	p, at, err := fleet.StartProgram(name, command, args, env, at)
	if err == nil {
		r.running = append(r.running, p)
	}
	return p, at, err
}

// replica starts a replica and returns its gRPC address. All replicas have the same name, so
// that their answers are the same bytes.
func (r *rig) replica(args, env []string) (*fleet.Process, string, error) {
	p, at, err := r.start("replica", []string{filepath.Join(r.bench.bin, "recommendations")},
		append([]string{"--grpc-address=" + anyPort, "--admin-address=" + anyPort, "--drain-delay=0s"}, args...), env, fleet.Listening{})
	return p, at.GRPCAddress, err
}

// quietReplica starts a replica whose log has warnings and errors alone.
func (r *rig) quietReplica() (*fleet.Process, string, error) {
	var at fleet.Listening
	for _, address := range []*string{&at.GRPCAddress, &at.AdminAddress} {
		l, err := net.Listen("tcp", anyPort)
		if err != nil {
			return nil, "", err
		}
		*address = l.Addr().String()
		l.Close()
	}
	p, at, err := r.start("replica", []string{filepath.Join(r.bench.bin, "recommendations")},
		[]string{"--grpc-address=" + at.GRPCAddress, "--admin-address=" + at.AdminAddress, "--drain-delay=0s", "--log-level=warn"}, nil, at)
	return p, at.GRPCAddress, err
}

// shop starts a shop of one replica and returns its URL. What it does by itself is as it is
// without flags; its bounds are high enough for the calls that are made.
func (r *rig) shop(replica string, args ...string) (*fleet.Process, string, error) {
	p, at, err := r.start("shop", []string{filepath.Join(r.bench.bin, "marketplace")}, append([]string{
		"--http-address=" + anyPort, "--admin-address=" + anyPort, "--recommendations-target=dns:///" + replica,
		"--api-open", "--drain-delay=0s", "--recommendations-timeout=5s", "--max-requests=1000", "--live-streams=2000",
	}, args...), nil, fleet.Listening{})
	return p, "http://" + at.HTTPAddress, err
}

// contender starts a Contender and returns its address.
func (r *rig) contender(kind string, args, env []string) (*fleet.Process, string, error) {
	p, at, err := r.start("replica", slices.Concat(r.bench.contender, []string{kind}), args, env, fleet.Listening{})
	return p, at.GRPCAddress, err
}

// askGRPC returns a function that asks a server for the shelf of a reader.
func (r *rig) askGRPC(address string) (func(context.Context, int64) error, error) {
	conn, err := dial(address)
	if err != nil {
		return nil, err
	}
	r.closers = append(r.closers, conn.Close)
	client := recommendationsv1.NewRecommendationsServiceClient(conn)
	return func(ctx context.Context, n int64) error {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		_, err := client.Recommend(ctx, &recommendationsv1.RecommendRequest{UserId: 1 + n%readers, MaxResults: shelfBooks})
		return err
	}, nil
}

const shelfBooks = 10

// get returns a function that fetches a page: the n-th path, over connections that are kept
// or one a request.
func (r *rig) get(base string, keep bool, path func(n int64) string) func(context.Context, int64) error {
	transport := &http.Transport{MaxIdleConnsPerHost: openCallers, DisableKeepAlives: !keep, DisableCompression: true}
	r.closers = append(r.closers, func() error { transport.CloseIdleConnections(); return nil })
	client := &http.Client{Transport: transport, Timeout: askTimeout}
	return func(ctx context.Context, n int64) error {
		_, err := fetch(ctx, client, base+path(n))
		return err
	}
}

// fetch returns a body; a status other than 200 is an error.
func fetch(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody) //nolint:gosec // of our own processes
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req) //nolint:gosec // likewise
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: status %d", url, resp.StatusCode)
	}
	return body, err
}

// sameBytes fails unless all addresses answer some paths with the same bytes.
func sameBytes(ctx context.Context, path func(n int64) string, bases ...string) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}, Timeout: askTimeout}
	for _, n := range []int64{0, 1, 7, 500} {
		var first []byte
		for i, base := range bases {
			body, err := fetch(ctx, client, base+path(n))
			if err != nil {
				return err
			}
			if i == 0 {
				first = body
			} else if !bytes.Equal(body, first) {
				return fmt.Errorf("%s answers %s with\n%s\nwhere %s answers\n%s", base, path(n), body, bases[0], first)
			}
		}
	}
	return nil
}

// noFallback fails if a shop has answered with bestsellers because recommendations did not
// answer: that is other work.
func noFallback(shop *fleet.Process) error {
	n, err := fleet.Metric(shop.Admin, "recommend_fallbacks_total")
	if err == nil && n > 0 {
		err = fmt.Errorf("%s fell back %.0f times", shop.Name, n)
	}
	return err
}
