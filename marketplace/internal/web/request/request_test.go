package request

import (
	"net/url"
	"strings"
	"testing"
)

func TestLocalPath(t *testing.T) {
	for address, local := range map[string]bool{
		"/": true, "/books?page=2": true, "/search?q=a%20b&category=": true, "/books/1#x": true, "/a//b": true, "/search?q=//x": true,
		"/search?q=https://x.test": true,

		"": false, "books": false, "//evil.test": false, "///evil.test": false, `/\evil.test`: false, `\\evil.test`: false,
		"https://evil.test": false, "javascript:alert(1)": false, "/\t/evil.test": false, "/\n/evil.test": false, "\t//evil.test": false,
		" /": false, "/ü": false, "/\x00": false, "/\xff": false, "/%zz": false, "/" + strings.Repeat("a", MaxURI): false,
		"/\r\nSet-Cookie: a=b": false, "/..//evil.test": false, "/.//evil.test": false, "/a/..//evil.test": false, "/%2e%2E//evil.test": false,
		"/a/..": false, "/...": true, "/a.b/..c?d=/../": true,
	} {
		want := "/"
		if local {
			want = address
		}
		if got := LocalPath(address); got != want {
			t.Errorf("LocalPath(%.30q) = %.30q, want %.30q", address, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, address := range []string{"/", "//x", "/\\x", "/a?b#c", "http://x", "/%2F/x", "/..//x"} {
		f.Add(address)
	}
	here, _ := url.Parse("http://shop.test/here")
	f.Fuzz(func(t *testing.T, address string) {
		got := LocalPath(address)
		if led, err := here.Parse(got); err != nil || led.Host != "shop.test" || led.Scheme != "http" || led.User != nil {
			t.Errorf("%q leads to %v (%v)", address, led, err)
		}
	})
}
