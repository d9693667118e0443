package store_test

import (
	"strings"
	"testing"

	"bookstall/recommendations/internal/store"
)

// FuzzURL: an error does not repeat the URL, which may contain a password, and is the
// same for the same URL.
func FuzzURL(f *testing.F) {
	const password = "correct-horse-battery"
	for _, url := range []string{
		"sqlite:x.db", "sqlite:/var/lib/a b/x.db", "sqlite:", "sqlite::memory:", "sqlite:\x00", "mysql://u:PASSWORD@h/d", "PASSWORD",
		"postgres://u:PASSWORD@h:5432/d", "postgresql://h/d?sslmode=require&password=PASSWORD", "postgres://u:PASSWORD@h:port/d",
		"postgres://u:%zzPASSWORD@h/d", "postgres://u:PASSWORD@h/d?sslmode=PASSWORD", "postgres://u:PASSWORD@a:1,b:x/d", "postgres://PASSWORD:1:2/d",
	} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		url = strings.ReplaceAll(url, "PASSWORD", password)
		err := store.CheckURL(url)
		if again := store.CheckURL(url); (err == nil) != (again == nil) {
			t.Errorf("%q: %v, then %v", url, err, again)
		}
		if err == nil {
			if !strings.HasPrefix(url, "sqlite:") && !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
				t.Errorf("%q is taken", url)
			}
			return
		}
		if strings.Contains(err.Error(), password) || len(err.Error()) > 200 {
			t.Errorf("%q: %v", url, err)
		}
		for _, kind := range []string{"sqlite", "postgres"} {
			if strings.HasPrefix(url, kind) && !strings.Contains(err.Error(), kind) {
				t.Errorf("%q: the error does not say what is allowed: %v", url, err)
			}
		}
	})
}
