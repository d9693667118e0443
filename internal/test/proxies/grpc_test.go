package proxies

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/test/programtest"
)

// testReplicas tests shops that reach the replicas by a proxy: calls to both, and streams.
// Then one of the replicas is killed.
func testReplicas(t *testing.T, f *fleet.Fleet) {
	t.Helper()
	replicas := f.Replicas()
	addresses := []string{"10.0.0.20:50051", replicas[0].GRPC, "10.0.0.21:50051", replicas[1].GRPC}
	var shops []*fleet.Marketplace
	for _, name := range []string{"nginx", "haproxy"} {
		address, configuration := f.FreeAddress().String(), replace(t, block(t, "In front of recommendations", name, 0), addresses...)
		if name == "nginx" {
			startNginx(t, address, replace(t, configuration, "listen 50051", "listen "+address))
		} else {
			startHAProxy(t, address, replace(t, configuration, "bind :50051", "bind "+address))
		}
		shop := addShop(t, f, "--recommendations-target=dns:///"+address)
		shops = append(shops, shop)
		if served := personalShelves(t, shop); len(served) != 2 {
			t.Errorf("%s: shelves of %v, want two replicas", name, served)
		}
		follows(t, name, shop)
	}
	if err := replicas[0].Kill(); err != nil {
		t.Error(err)
	}
	for _, shop := range shops {
		onlyServes(t, shop, "replica-2")
	}
}

const shelves = 40 // asked for in a row

// personalShelves asks for a reader's shelf many times, and returns which replicas answered.
// All answers must be made by recommendations.
func personalShelves(t *testing.T, shop *fleet.Marketplace) map[string]int {
	t.Helper()
	served := map[string]int{}
	for range shelves {
		source, servedBy := askShelf(t, shop)
		if source != "personal" {
			t.Errorf("%s: a shelf of source %q", shop.Name, source)
		}
		served[servedBy]++
	}
	return served
}

// onlyServes asks for a reader's shelf until the replica has answered many times in a row. The
// one that is gone may be the one at which the shop watched the health, and the proxy may still
// have a connection to it: gRPC then watches again after about a second, and nobody is asked
// meanwhile.
func onlyServes(t *testing.T, shop *fleet.Marketplace, replica string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for inARow := 0; inARow < shelves; inARow++ {
		source, servedBy := askShelf(t, shop)
		if source == "personal" && servedBy == replica {
			continue
		}
		if inARow = -1; time.Now().After(deadline) {
			t.Fatalf("%s: a shelf of source %q from %q, want it from %s", shop.Name, source, servedBy, replica)
		}
	}
}

// askShelf returns where a reader's shelf is from.
func askShelf(t *testing.T, shop *fleet.Marketplace) (source, servedBy string) {
	t.Helper()
	resp, body := programtest.Get(t, shop.URL()+"/api/v1/recommendations?user_id=1")
	var shelf struct {
		Source   string `json:"source"`
		ServedBy string `json:"served_by"`
	}
	if err := json.Unmarshal([]byte(body), &shelf); err != nil {
		t.Fatalf("%s: %s, %v", shop.Name, resp.Status, err)
	}
	return shelf.Source, shelf.ServedBy
}

// follows likes a book, for a reader of its own, and waits for the event of the live shelf.
func follows(t *testing.T, name string, shop *fleet.Marketplace) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	ask := func(method, address, body string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, shop.URL()+address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		// The test is a proxy that the shop believes.
		req.Header.Set(header, map[string]string{"nginx": "1000041", "haproxy": "1000042"}[name])
		req.Header.Set("Content-Type", formType)
		req.Header.Set("Accept", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	stream := ask(http.MethodGet, "/shelf/events", "")
	arrived := read(t, stream)
	defer func() {
		_ = stream.Body.Close()
		for range arrived {
		}
	}()
	next := func(what string) {
		t.Helper()
		select {
		case _, open := <-arrived:
			if !open {
				t.Fatalf("%s: the live shelf ended before %s", name, what)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: no event of %s after 20 s", name, what)
		}
	}
	next("the shelf as it is")
	like := ask(http.MethodPost, "/interactions", "book=4&do=like")
	_ = like.Body.Close()
	if like.StatusCode != http.StatusOK {
		t.Fatalf("%s: a like: %s", name, like.Status)
	}
	next("the like")
}
