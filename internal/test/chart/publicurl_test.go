package chart

import (
	"fmt"
	"strings"
	"testing"
)

// The chart tells the shop where readers reach it, if it can know that, and warns otherwise.
func TestThePublicURLIsDerived(t *testing.T) {
	helm := tool(t, "helm")
	const (
		ingress = "marketplace.ingress.enabled=true,marketplace.ingress.hosts={shop.example,www.shop.example}"
		route   = "marketplace.httpRoute.enabled=true,marketplace.httpRoute.parentRefs[0].name=public"
		service = ",bookstall-marketplace,bookstall-marketplace.shop,bookstall-marketplace.shop.svc,bookstall-marketplace.shop.svc.cluster.local"
	)
	for name, test := range map[string]struct {
		set, url, hosts string
		warns           bool
	}{
		"only inside the cluster": {"marketplace.replicas=1", "", "", false},
		"a port of the node":      {"marketplace.service.type=NodePort", "", "", true},
		"Ingress without TLS":     {ingress, "", "", true},
		"Ingress with TLS in front of it": {
			ingress + ",marketplace.secureCookies=true", "https://shop.example", "shop.example,www.shop.example" + service, false,
		},
		"Ingress with TLS": {
			ingress + ",marketplace.ingress.tls[0].hosts={shop.example},marketplace.ingress.tls[1].hosts={*.shop.example}",
			"https://shop.example", "shop.example,www.shop.example" + service, false,
		},
		"Ingress with the controller's certificate": {
			ingress + ",marketplace.ingress.tls[0].secretName=shop", "https://shop.example", "shop.example,www.shop.example" + service, false,
		},
		"Ingress with TLS for one of two":     {ingress + ",marketplace.ingress.tls[0].hosts={shop.example}", "", "", true},
		"Ingress for any host":                {"marketplace.ingress.enabled=true,marketplace.ingress.tls[0].secretName=shop", "", "", true},
		"Ingress for a domain":                {"marketplace.ingress.enabled=true,marketplace.ingress.hosts={*.example},marketplace.ingress.tls[0].secretName=shop", "", "", true},
		"HTTPRoute":                           {route + ",marketplace.httpRoute.hostnames={shop.example}", "", "", true},
		"HTTPRoute of a Gateway with TLS":     {route + ",marketplace.httpRoute.hostnames={shop.example},marketplace.secureCookies=true", "https://shop.example", "shop.example" + service, false},
		"HTTPRoute and an Ingress with TLS":   {route + ",marketplace.httpRoute.hostnames={shop.example}," + ingress + ",marketplace.ingress.tls[0].secretName=shop", "", "", true},
		"a URL of its own":                    {"marketplace.publicURL=http://shop.example:8080/,marketplace.allowedHosts={other.example}", "http://shop.example:8080", "other.example" + service, false},
		"a URL that differs from the Ingress": {ingress + ",marketplace.publicURL=https://public.example", "https://public.example", "shop.example,www.shop.example" + service, false},
		"a URL with a path":                   {ingress + ",marketplace.publicURL=https://shop.example/shop/", "https://shop.example/shop", "shop.example,www.shop.example" + service, false},
		"allowed hosts without a URL":         {"marketplace.allowedHosts={other.example}", "", "other.example" + service, false},
	} {
		out, err := command(t, nil, helm, "install", "bookstall", chart, "--namespace=shop", "--dry-run=client", "--set="+test.set)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		manifests, notes, _ := strings.Cut(string(out), "NOTES:")
		if got := textOf(manifests, "MARKETPLACE_PUBLIC_URL"); got != test.url {
			t.Errorf("%s: the public URL is %q, want %q", name, got, test.url)
		}
		if got := textOf(manifests, "MARKETPLACE_ALLOWED_HOSTS"); got != test.hosts {
			t.Errorf("%s: the hosts are %q, want %q", name, got, test.hosts)
		}
		if got := strings.Contains(notes, "NO PUBLIC URL"); got != test.warns {
			t.Errorf("%s: the notes warn: %v, want %v\n%s", name, got, test.warns, notes)
		}
		if test.url != "" && !strings.Contains(notes, test.url) {
			t.Errorf("%s: the notes lack %s:\n%s", name, test.url, notes)
		}
	}
}

// Ingress and HTTPRoute take the path of the public URL. The shop takes requests with that path
// before their own and without it, so that nothing rewrites them.
func TestTheRoutesHaveThePathOfThePublicURL(t *testing.T) {
	for url, path := range map[string]string{"": "/", "https://a.b": "/", "https://a.b/": "/", "https://a.b/shop/": "/shop", "https://a.b:8443/x/shop": "/x/shop"} {
		objects := rendered(t, "--set=marketplace.publicURL="+url+",marketplace.ingress.enabled=true,marketplace.ingress.hosts={a.b}",
			"--set=marketplace.httpRoute.enabled=true,marketplace.httpRoute.parentRefs[0].name=x")
		for _, rule := range find(t, objects, "Ingress", "bookstall-marketplace").list("spec", "rules") {
			if got := rule.list("http", "paths")[0]; got.text("path") != path || got.text("pathType") != "Prefix" {
				t.Errorf("%s: Ingress of %v", url, got)
			}
		}
		// Without a match, a rule takes all paths.
		rules := find(t, objects, "HTTPRoute", "bookstall-marketplace").list("spec", "rules")
		prefix := strings.TrimSuffix(path, "/")
		want := `[{"path":{"type":"PathPrefix","value":"` + prefix + `"}}]`
		if prefix == "" {
			want = "null"
		}
		if got := compact(t, rules[len(rules)-1].list("matches")); got != want {
			t.Errorf("%s: HTTPRoute matches %s, want %s", url, got, want)
		}
		if got := rules[0].list("matches")[0].text("path", "value"); got != prefix+"/shelf/events" {
			t.Errorf("%s: the rule of live shelves matches %s", url, got)
		}
	}
}

// Answers have a limit, except live shelves. Without a value there is none, as in earlier charts,
// whose clusters may not know the field.
func TestTheRouteHasTimeouts(t *testing.T) {
	const backend = `"backendRefs":[{"name":"bookstall-marketplace","port":80}]`
	for value, want := range map[string]string{
		`"30s"`: `[{` + backend + `,"matches":[{"path":{"type":"Exact","value":"/shelf/events"}}],"timeouts":{"request":"0s"}},{` + backend + `,"timeouts":{"request":"30s"}}]`,
		`""`:    `[{` + backend + `}]`,
		`null`:  `[{` + backend + `}]`,
	} {
		objects := rendered(t, "--set=marketplace.httpRoute.enabled=true,marketplace.httpRoute.parentRefs[0].name=x", "--set-json=marketplace.httpRoute.timeouts.request="+value)
		if got := compact(t, find(t, objects, "HTTPRoute", "bookstall-marketplace").at("spec", "rules")); got != want {
			t.Errorf("%s: rules %s, want %s", value, got, want)
		}
	}
}

// An Ingress or HTTPRoute without hosts takes that of the public URL: the shop answers to no other.
func TestTheRoutesHaveTheHostOfThePublicURL(t *testing.T) {
	for set, want := range map[string]string{
		"marketplace.replicas=1": "", "marketplace.publicURL=https://Shop.example:8443/books": "shop.example",
		"marketplace.publicURL=http://192.0.2.1:8080": "", "marketplace.publicURL=http://[2001:db8::1]": "",
		"marketplace.publicURL=https://shop.example,marketplace.ingress.hosts={other.example},marketplace.httpRoute.hostnames={other.example}": "other.example",
	} {
		objects := rendered(t, "--set=marketplace.ingress.enabled=true,marketplace.httpRoute.enabled=true,marketplace.httpRoute.parentRefs[0].name=x,"+set)
		if got := find(t, objects, "Ingress", "bookstall-marketplace").list("spec", "rules")[0].text("host"); got != want {
			t.Errorf("%s: Ingress for %q, want %q", set, got, want)
		}
		names, _ := find(t, objects, "HTTPRoute", "bookstall-marketplace").at("spec", "hostnames").([]any)
		if got := fmt.Sprint(names); got != fmt.Sprint(strings.Fields(want)) {
			t.Errorf("%s: HTTPRoute for %s, want %q", set, got, want)
		}
	}
}

// textOf returns the value of an environment variable in manifests, "" if it is not there.
func textOf(manifests, name string) string {
	_, after, _ := strings.Cut(manifests, "- name: "+name+"\n")
	line, _, _ := strings.Cut(after, "\n")
	_, value, _ := strings.Cut(line, "value: ")
	return strings.Trim(value, `"`)
}
