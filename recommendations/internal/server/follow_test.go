package server

import (
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/lifecycle"
	"bookstall/recommendations/internal/recommender"
)

// A page shows the shelf that its stream begins after: it is not made again, and its books do
// not count as shown twice.
func TestFollowMakesNoShelfThatWasSeen(t *testing.T) {
	rec, registry := recommender.New(), prometheus.NewRegistry()
	if err := rec.Load(testLibrary(), 1); err != nil {
		t.Fatal(err)
	}
	api := listen(t, New(Config{Recommender: rec, Name: "replica-1", FollowAge: time.Minute, Readiness: lifecycle.NewReadiness(), Registry: registry}))
	stream := followUp(t, api, &recommendationsv1.FollowStart{UserId: 1, AfterVersion: rec.Reader(1).Seq})
	if err := stream.Send(&recommendationsv1.FollowRequest{Part: &recommendationsv1.FollowRequest_Interaction{
		Interaction: did("a", 1, 2, aLike, 0),
	}}); err != nil {
		t.Fatal(err)
	}
	// The service has no store, so this ends the stream, once it has begun.
	if message, err := stream.Recv(); status.Code(err) != codes.FailedPrecondition {
		t.Fatalf("%v, %v; want FailedPrecondition", message, err)
	}
	const want = `# HELP recommendations_shown_books_total Books on shelves, by whether they are bestsellers: the 100 most liked, or the tenth of the catalogue that is most liked if that is fewer.
# TYPE recommendations_shown_books_total counter
recommendations_shown_books_total{bestseller="false"} 0
recommendations_shown_books_total{bestseller="true"} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "recommendations_shown_books_total"); err != nil {
		t.Error(err)
	}
}

// A stream whose client sends nothing more waits on one goroutine, also after it has sent shelves.
func TestAFollowStreamHasOneGoroutine(t *testing.T) {
	api := remember(t, time.Minute)
	stream := followUp(t, api, &recommendationsv1.FollowStart{UserId: 700})
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	receive(t, stream)
	if _, err := recordAll(t, api, did("a", 700, 1, aLike, 0)); err != nil {
		t.Fatal(err)
	}
	receive(t, stream)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		var all strings.Builder
		if err := pprof.Lookup("goroutine").WriteTo(&all, 2); err != nil {
			t.Fatal(err)
		}
		var its []string
		for goroutine := range strings.SplitSeq(all.String(), "\n\n") {
			if strings.Contains(goroutine, "(*follower)") {
				its = append(its, goroutine)
			}
		}
		if len(its) == 1 && strings.Contains(its[0], "(*follower).run") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines:\n%s", len(its), strings.Join(its, "\n\n"))
		}
	}
}
