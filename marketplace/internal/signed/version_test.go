package signed

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

func TestVersionCookie(t *testing.T) {
	const own = 2_000_000_001
	c := NewVersionCookie(Keys{testKey(0)}, Scope{})
	other := NewVersionCookie(Keys{testKey('7')}, Scope{})
	for value, want := range map[string]int64{
		"7." + c.sign(own, 7):              7,
		"8." + c.sign(own, 7):              0,
		"7." + c.sign(own+1, 7):            0,
		"7." + other.sign(own, 7):          0,
		"7":                                0,
		"":                                 0,
		"x." + c.sign(own, 0):              0,
		"-7." + c.sign(own, -7):            0,
		"9.x; version=5." + c.sign(own, 5): 5,
		"5." + c.sign(own, 5) + "; version=6." + c.sign(own, 6): 6,
	} {
		r, err := http.NewRequest(http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", "version="+value)
		if got := c.Read(r, own); got != want {
			t.Errorf("%q is read as %d, want %d", value, got, want)
		}
	}
}

// FuzzVersionCookie reads any cookie: only a version signed for the reader counts.
func FuzzVersionCookie(f *testing.F) {
	c := NewVersionCookie(Keys{testKey(7)}, Scope{})
	f.Add("version=5."+c.sign(2_000_000_001, 5), int64(2_000_000_001), int64(5))
	f.Add("version=6."+c.sign(2_000_000_002, 6)+"; version=+5."+c.sign(2_000_000_001, 5), int64(2_000_000_001), int64(-1))
	f.Add("version=; version=.; version=99999999999999999999.x", int64(0), int64(1<<62))
	f.Fuzz(func(t *testing.T, cookies string, own, version int64) {
		r := &http.Request{Header: http.Header{"Cookie": {cookies}}}
		if got := c.Read(r, own); got < 0 || got > 0 && !strings.Contains(cookies, strconv.FormatInt(got, 10)+"."+c.sign(own, got)) {
			t.Errorf("%q is read as version %d of %d", cookies, got, own)
		}
		rec := httptest.NewRecorder()
		c.Write(rec, own, version)
		r = &http.Request{Header: http.Header{}}
		for _, set := range rec.Result().Cookies() {
			r.AddCookie(set)
		}
		if got := c.Read(r, own); got != max(version, 0) {
			t.Errorf("version %d of %d came back as %d", version, own, got)
		}
		if got := c.Read(r, own+1); got != 0 {
			t.Errorf("the version of %d is valid for %d", own, own+1)
		}
	})
}
