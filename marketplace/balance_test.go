package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"bookstall/internal/test/programtest"
)

func TestBalanceIsOffByDefault(t *testing.T) {
	p := start(t, "--catalog-file="+catalogFile(t))
	for _, path := range []string{"/balance", "/balance/table", "/api/v1/balance"} {
		if resp, body := programtest.Get(t, p.shop+path); resp.StatusCode != http.StatusNotFound || !strings.Contains(body, "There is nothing at this address.") {
			t.Errorf("%s: %d\n%s", path, resp.StatusCode, body)
		}
	}
	if _, body := programtest.Get(t, p.shop+"/"); strings.Contains(body, "/balance") {
		t.Error("the front page links to it")
	}
	p.shutDown(t)
}

// The balance is available to operators while the shop has no catalogue.
func TestBalanceWithoutACatalogue(t *testing.T) {
	p := start(t, "--balance")
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		resp, body := programtest.Get(t, p.shop+"/api/v1/balance")
		var answer struct {
			Shop     string `json:"shop"`
			Target   string `json:"target"`
			Replicas []struct {
				Address string `json:"address"`
				State   string `json:"state"`
			} `json:"replicas"`
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || resp.StatusCode != http.StatusOK || answer.Shop != "shop-1" || answer.Target != "127.0.0.1:1" {
			t.Fatalf("%d %v\n%s", resp.StatusCode, err, body)
		}
		if len(answer.Replicas) == 1 && answer.Replicas[0].Address == "127.0.0.1:1" && answer.Replicas[0].State == "connecting" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("never connecting:\n%s", body)
		}
	}
	resp, page := programtest.Get(t, p.shop+"/balance")
	if resp.StatusCode != http.StatusOK || len(resp.Cookies()) != 0 || !strings.Contains(page, `data-replica="127.0.0.1:1"`) {
		t.Errorf("page: %d, cookies %v\n%s", resp.StatusCode, resp.Cookies(), page)
	}
	p.shutDown(t)
}
