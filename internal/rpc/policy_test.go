package rpc

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	recommendationsv1 "bookstall/gen/recommendations/v1"
)

// docs/clients.md gives other clients the service config that our own has, with gRPC's own
// policy in place of ours.
func TestServiceConfigOfTheDocs(t *testing.T) {
	text, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n    {\n")
	block, _, _ := strings.Cut(rest, "\n    }\n")
	documented := "{\n" + block + "\n}"

	service := recommendationsv1.RecommendationsService_ServiceDesc.ServiceName
	own, err := serviceConfig(service)
	if err != nil {
		t.Fatal(err)
	}
	var got, want map[string]any
	for text, into := range map[string]*map[string]any{documented: &got, own: &want} {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
	}
	want["loadBalancingConfig"] = []any{map[string]any{"round_robin": map[string]any{}}}
	want["healthCheckConfig"] = map[string]any{"serviceName": service}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("docs/clients.md (-want +got):\n%s", d)
	}
	conn, err := grpc.NewClient("127.0.0.1:1", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(documented))
	if err != nil {
		t.Fatalf("grpc-go refuses the service config: %v", err)
	}
	conn.Close()
}
