package config

import "testing"

func TestLocalAddress(t *testing.T) {
	for listen, want := range map[string]string{
		":50051":           "127.0.0.1:50051",
		"0.0.0.0:9090":     "127.0.0.1:9090",
		"[::]:9090":        "[::1]:9090",
		"127.0.0.2:9090":   "127.0.0.2:9090",
		"10.1.2.3:8080":    "10.1.2.3:8080",
		"shop.example:80":  "shop.example:80",
		"localhost:http":   "localhost:http",
		"127.0.0.1:0":      "",
		"nowhere":          "",
		"127.0.0.1:":       "",
		"[fd00::1]:9090":   "[fd00::1]:9090",
		"fd00::1:9090:1:2": "",
	} {
		if got, err := LocalAddress(listen); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v, want %q", listen, got, err, want)
		}
	}
}
