package chart

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func decoded(t *testing.T, text string) []byte {
	t.Helper()
	out, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// checksum returns the checksum annotation of the shop's pods.
func checksum(t *testing.T, manifests []byte) string {
	t.Helper()
	m := regexp.MustCompile(`checksum/config: ([0-9a-f]{64})`).FindSubmatch(manifests)
	if m == nil {
		t.Fatal("no checksum")
	}
	return string(m[1])
}

// sumOf returns the checksum of a Secret's data as the chart computes it.
func sumOf(t *testing.T, data any) string {
	t.Helper()
	sum := sha256.Sum256([]byte(compact(t, data)))
	return hex.EncodeToString(sum[:])
}

// Without a cluster that keeps them, the chart generates nothing, so that two renderings are equal,
// and says which value names a Secret. The values of production.yaml need none.
func TestRenderingsWithoutAClusterAreEqual(t *testing.T) {
	helm := tool(t, "helm")
	for set, args := range sets(t) {
		out, err := render(t, helm, args...)
		if err != nil {
			t.Fatal(err)
		}
		again, err := render(t, helm, args...)
		if err != nil || !bytes.Equal(out, again) {
			t.Errorf("%s: two renderings differ: %v, %s", set, err, cmp.Diff(string(out), string(again)))
		}
		for _, o := range parse(t, out) {
			if o.kind() == "Secret" {
				t.Errorf("%s: Secret %s", set, o.name())
			}
		}
		for value, missing := range map[string]bool{
			"marketplace.existingSecret": !slices.Contains([]string{"production", "recommendations", "lockeddown"}, set), "postgresql.existingSecret": set == "trial",
		} {
			if strings.Contains(string(out), "name yours: "+value) != missing {
				t.Errorf("%s: the manifests name %s: %v, want %v", set, value, !missing, missing)
			}
		}
	}
}

// Each Secret that the chart generates can be one that somebody else made: no pod then uses
// another, and the keys are those of the README.
func TestSecretsOfSomebodyElse(t *testing.T) {
	args := append(slices.Clone(sets(t)["trial"]), "--set=marketplace.existingSecret=mine,postgresql.existingSecret=ours,tls.enabled=true,tls.secretName=certs")
	out := inCluster(t, tool(t, "helm"), cluster(t), args...)
	readme, err := os.ReadFile(chart + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, o := range parse(t, out) {
		if o.kind() == "Secret" {
			t.Errorf("the chart makes the Secret %s", o.name())
		}
		pod := o.pod()
		if pod == nil {
			continue
		}
		for _, v := range pod.list("spec", "volumes") {
			if name := v.text("secret", "secretName"); name != "" && name != "certs" {
				for _, item := range v.list("secret", "items") {
					used[name+"/"+item.text("key")] = true
				}
			}
		}
		for _, env := range pod.list("spec", "containers")[0].list("env") {
			if ref, ok := env.at("valueFrom", "secretKeyRef").(map[string]any); ok {
				used[object(ref).text("name")+"/"+object(ref).text("key")] = true
			}
		}
	}
	want := []string{"mine/api-token", "mine/cookie-key", "ours/admin-password", "ours/role.sql", "ours/url"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(used))); diff != "" {
		t.Errorf("used keys: %s", diff)
	}
	for _, use := range want {
		if _, key, _ := strings.Cut(use, "/"); !strings.Contains(string(readme), "`"+key+"`") {
			t.Errorf("README.md does not name %s", key)
		}
	}
	if strings.Contains(string(out), "checksum/config") {
		t.Error("a checksum of what the chart does not know")
	}
}

// With named tokens there is none for everything, although a release that had one still has it in
// the cluster. helm test then has a token of the Secret of named ones.
func TestNamedTokensAreTheOnlyOnes(t *testing.T) {
	const all, named = "bookstall-marketplace/api-token", "tokens/check-token"
	helm := tool(t, "helm")
	before := find(t, parse(t, inCluster(t, helm, cluster(t))), "Secret", "bookstall-marketplace")
	kubeconfig := cluster(t, before)
	for set, want := range map[string]map[string]string{
		"marketplace.requireAPIToken=true":   {"bookstall-marketplace": all, "bookstall-test": all},
		"marketplace.apiTokensSecret=tokens": {"bookstall-marketplace": "", "bookstall-test": named},
		"marketplace.requireAPIToken=false":  {"bookstall-marketplace": "", "bookstall-test": ""},
	} {
		objects := parse(t, inCluster(t, helm, kubeconfig, "--set="+set))
		data := find(t, objects, "Secret", "bookstall-marketplace").at("data").(map[string]any)
		if _, has := data["api-token"]; has == strings.Contains(set, "apiTokensSecret") || data["cookie-key"] != before.text("data", "cookie-key") {
			t.Errorf("%s: the Secret has %v", set, data)
		}
		for _, o := range objects {
			expected, checked := want[o.name()]
			if pod := o.pod(); checked && pod != nil {
				got := ""
				for _, env := range pod.list("spec", "containers")[0].list("env") {
					if env.text("name") == "MARKETPLACE_API_TOKEN" {
						got = env.text("valueFrom", "secretKeyRef", "name") + "/" + env.text("valueFrom", "secretKeyRef", "key")
					}
				}
				if got != expected {
					t.Errorf("%s: %s %s has the token %q, want %q", set, o.kind(), o.name(), got, expected)
				}
			}
		}
	}
}
