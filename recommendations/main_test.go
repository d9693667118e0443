package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	tutorialpb "bookstall/gen/tutorial"
	"bookstall/internal/otlpsink"
	"bookstall/internal/test/programtest"
)

var update = flag.Bool("update", false, "write golden files")

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	flag.Parse()
	goleak.VerifyTestMain(m)
}

// program is a running recommendations program.
type program struct {
	*programtest.Program

	grpcAddress, adminAddress string
}

// start runs the program on free ports.
func start(t *testing.T, args ...string) program {
	t.Helper()
	p := programtest.Start(t, run, append([]string{
		"--grpc-address=127.0.0.1:0", "--admin-address=127.0.0.1:0", "--name=replica-1", "--drain-delay=0s",
	}, args...)...)
	return program{Program: p, grpcAddress: p.Address("grpcAddress"), adminAddress: p.Address("adminAddress")}
}

func (p program) dial(t *testing.T, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(p.grpcAddress, append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// serving waits until the service is SERVING, by a Watch that it leaves open like a
// foreign client.
func serving(t *testing.T, conn *grpc.ClientConn, name string) {
	t.Helper()
	watch, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{Service: name})
	if err != nil {
		t.Fatal(err)
	}
	for {
		resp, err := watch.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if resp.GetStatus() == healthpb.HealthCheckResponse_SERVING {
			return
		}
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, body := programtest.Get(t, url)
	return resp.StatusCode, body
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// counts waits until the metrics have a line: a call is counted when it ends on the
// server, which is shortly after its caller has the answer.
func (p program) counts(t *testing.T, line string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		_, metrics := get(t, "http://"+p.adminAddress+"/metrics")
		if strings.Contains(metrics, line) {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("metrics lack %s", line)
			return
		}
	}
}

func TestTheProgramServes(t *testing.T) {
	p := start(t)
	conn := p.dial(t)
	serving(t, conn, "recommendations.v1.RecommendationsService")
	serving(t, conn, "")

	ctx := metadata.AppendToOutgoingContext(within(t, 10*time.Second), "x-request-id", "test-request-1")
	resp, err := recommendationsv1.NewRecommendationsServiceClient(conn).Recommend(ctx, &recommendationsv1.RecommendRequest{UserId: 1})
	if err != nil || len(resp.GetRecommendations()) != 10 || resp.GetServedBy() != "replica-1" {
		t.Errorf("Recommend: %v, %v", resp, err)
	}
	old, err := tutorialpb.NewRecommendationsClient(conn).Recommend(ctx, &tutorialpb.RecommendationRequest{
		UserId: 1, Category: tutorialpb.BookCategory_ROMANCE, MaxResults: 3,
	})
	if err != nil || len(old.GetRecommendations()) != 3 {
		t.Errorf("the tutorial's Recommend: %v, %v", old, err)
	}

	if code, body := get(t, "http://"+p.adminAddress+"/readyz"); code != 200 {
		t.Errorf("readyz: %d %s", code, body)
	}
	for _, want := range []string{
		`recommendations_shelves_total{source="personal"} 1`,
		`grpc_server_call_duration_seconds_count{grpc_method="recommendations.v1.RecommendationsService/Recommend",grpc_status="OK"} 1`,
	} {
		p.counts(t, want)
	}

	p.Stop()
	if err := <-p.Ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	var methods []string
	for _, l := range p.Lines("call") {
		methods = append(methods, l["method"].(string))
		if l["requestID"] != "test-request-1" {
			t.Errorf("access line without the caller's request id: %v", l)
		}
	}
	if want := []string{"/recommendations.v1.RecommendationsService/Recommend", "/Recommendations/Recommend"}; !slices.Equal(methods, want) {
		t.Errorf("access lines of %v, want one a call and none for health: %v", methods, want)
	}
}

// A file that is no database does not become one: the program ends and names it.
func TestAHopelessStoreEndsTheProgram(t *testing.T) {
	file := filepath.Join(t.TempDir(), "shop.db")
	if err := os.WriteFile(file, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{file, filepath.Dir(file)} {
		p := start(t, "--store=sqlite:"+wrong)
		select {
		case err := <-p.Ended:
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("got %v, want an error that names %s", err, wrong)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%s: the program goes on", wrong)
		}
	}
}

// TestDrain stops the program while a call is in flight and a foreign health
// Watch is open.
func TestDrain(t *testing.T) {
	sink, err := otlpsink.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer sink.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.Endpoint())
	p := start(t, "--drain-delay=200ms", "--drain-timeout=10s")
	conn := p.dial(t, grpc.WithInitialWindowSize(1<<16), grpc.WithInitialConnWindowSize(1<<16))
	serving(t, conn, "")

	// The catalogue is larger than the window, so the call stays in flight until the
	// client reads.
	stream, err := recommendationsv1.NewRecommendationsServiceClient(conn).ListBooks(within(t, 30*time.Second), &recommendationsv1.ListBooksRequest{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	p.Stop()
	for drained := false; !drained; {
		code, body := get(t, "http://"+p.adminAddress+"/readyz")
		drained = code == 503 && strings.Contains(body, "draining")
	}
	books := 0
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the call in flight was cut: %v", err)
		}
		books += len(part.GetPage().GetBooks())
	}
	if want := int(first.GetHeader().GetBookCount()); books != want {
		t.Errorf("%d of %d books came", books, want)
	}
	began := time.Now()
	if err := <-p.Ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %v after the last call: the open Watch held it up", took)
	}
	exported := false
	for _, s := range sink.Spans() {
		exported = exported || strings.HasSuffix(s.Name, "/ListBooks") && s.Service == "recommendations"
	}
	if !exported {
		t.Errorf("the span of the draining call was not exported: %+v", sink.Spans())
	}
}

func TestBadSettingsAreNamed(t *testing.T) {
	// If a bad setting were accepted, the program would run.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for arg, want := range map[string]string{
		"--drain-delay=-1s":      "--drain-delay",
		"--workers=-1":           "--workers",
		"--max-calls=0":          "--max-calls is 0, want 1 or more",
		"--max-queue=-1":         "--max-queue is -1, want 0 or more",
		"--max-streams=0":        "--max-streams is 0, want 1 or more",
		"--queue-wait=0s":        "--queue-wait is 0s, want 1ms or more",
		"--tls-cert-file=a":      "--tls-key-file",
		"--grpc-address=nowhere": "gRPC address",
		"--log-level=loud":       "log-level",
		"--colour=red":           "--colour",
	} {
		err := run(ctx, []string{"--admin-address=127.0.0.1:0", arg}, io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want it to name %s", arg, err, want)
		}
	}
	t.Setenv("RECOMMENDATIONS_GRPC_ADRESS", ":1")
	if err := run(ctx, nil, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "RECOMMENDATIONS_GRPC_ADRESS") {
		t.Errorf("run with an unknown variable: %v, want an error that names RECOMMENDATIONS_GRPC_ADRESS", err)
	}
}

// TestHelp checks that docs/config/recommendations.txt is the program's help.
func TestHelp(t *testing.T) {
	t.Setenv("COLUMNS", "100")
	const golden = "../docs/config/recommendations.txt"
	var out bytes.Buffer
	for _, of := range []string{"", "serve", "healthcheck", "import", "export", "train", "models", "models activate", "evaluate"} {
		args := append(strings.Fields(of), "--help")
		fmt.Fprintf(&out, "$ recommendations %s\n", strings.Join(args, " "))
		if err := run(t.Context(), args, &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		out.WriteString("\n")
	}
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("%s is not what --help prints; run make golden. It prints:\n%s", golden, out.String())
	}
}
