package apitoken

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
)

func newToken(t *testing.T, g Grant) (token, line string) {
	t.Helper()
	token, line, err := New(g)
	if err != nil {
		t.Fatal(err)
	}
	return token, line
}

func write(t *testing.T, file string, lines ...string) {
	t.Helper()
	// By another file and a rename, as a Secret changes.
	if err := os.WriteFile(file+".new", []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

func TestNewTokensAreAdmitted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	reports := Grant{Name: "reports", Scopes: []Scope{Read}}
	phone := Grant{Name: "phone.app-7", Scopes: []Scope{Read, Write, Forget}, Reader: 7}
	reportsToken, reportsLine := newToken(t, reports)
	phoneToken, phoneLine := newToken(t, phone)
	write(t, file, "# tokens", "", reportsLine, "  "+phoneLine+"\r")
	g, err := NewGate(Config{Token: "for-all", File: file, Open: true})
	if err != nil {
		t.Fatal(err)
	}
	for header, want := range map[string]Grant{
		"Bearer " + reportsToken: reports,
		"bearer " + phoneToken:   phone,
		"Bearer for-all":         {Name: "api-token", Scopes: Scopes()},
	} {
		if got, err := g.Admit(header); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", header, got, err, want)
		}
	}
	hash := strings.Fields(reportsLine)[1]
	for _, header := range []string{"", "Bearer", "Bearer ", "Basic for-all", "Bearer for-al", "Bearer " + hash, "Bearer " + strings.TrimPrefix(hash, "sha256:"), "Bearer " + reportsToken + " "} {
		if got, err := g.Admit(header); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("%q: %+v, %v, want ErrUnauthorized", header, got, err)
		}
	}
}

func TestGrants(t *testing.T) {
	g := Grant{Name: "phone", Scopes: []Scope{Read}, Reader: 7}
	if err := g.Check(Read); err != nil {
		t.Error(err)
	}
	if err := g.Check(Write); !errors.Is(err, ErrScope) {
		t.Errorf("write: %v", err)
	}
	if g.CheckReader(7) != nil || !errors.Is(g.CheckReader(8), ErrOtherReader) || (Grant{}).CheckReader(8) != nil {
		t.Error("the reader of the grant is not the only one, or a grant for all is not for all")
	}
	if err := (Grant{}).Check(Read); !errors.Is(err, ErrScope) {
		t.Errorf("the zero value: %v", err)
	}
}

func TestWithoutATokenTheGateIsClosedUnlessItIsOpen(t *testing.T) {
	var zero Gate
	if _, err := zero.Admit("Bearer x"); !errors.Is(err, ErrClosed) {
		t.Errorf("the zero value: %v, want ErrClosed", err)
	}
	open, err := NewGate(Config{Open: true})
	if err != nil {
		t.Fatal(err)
	}
	if g, err := open.Admit(""); err != nil || !g.Anonymous() || g.Check(Forget) != nil {
		t.Errorf("open: %+v, %v", g, err)
	}
}

// A file that changes takes effect with the next request. One that is not valid is logged
// once, and changes nothing.
func TestTheFileIsReadAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tokens")
	first, firstLine := newToken(t, Grant{Name: "first", Scopes: []Scope{Read}})
	second, secondLine := newToken(t, Grant{Name: "second", Scopes: []Scope{Read}})
	write(t, file, firstLine)
	var log []string
	g, err := NewGate(Config{File: file, Log: funcr.New(func(_, args string) { log = append(log, args) }, funcr.Options{})})
	if err != nil {
		t.Fatal(err)
	}
	admits := func(token string) bool {
		_, err := g.Admit("Bearer " + token)
		return err == nil
	}
	if !admits(first) || admits(second) {
		t.Fatal("want the first token only")
	}
	write(t, file, secondLine)
	if admits(first) || !admits(second) {
		t.Error("after the change: want the second token only")
	}
	for _, broken := range []string{"", "second " + second, strings.Replace(firstLine, "read", "all", 1)} {
		log = nil
		write(t, file, broken)
		if admits(first) || !admits(second) || !admits(second) {
			t.Errorf("after %q: want the second token still", broken)
		}
		if len(log) != 1 || !strings.Contains(log[0], "previous tokens stay in use") || strings.Contains(log[0], second) {
			t.Errorf("after %q: logged %q, want one line without the token", broken, log)
		}
	}
	log = nil
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if !admits(second) || len(log) != 1 {
			t.Errorf("without the file: logged %q, want the second token still, and one line", log)
		}
	}
	write(t, file, "# none")
	if admits(second) {
		t.Error("a token whose line was removed is admitted")
	}
}

func TestFilesThatAreNotValid(t *testing.T) {
	token, line := newToken(t, Grant{Name: "one", Scopes: []Scope{Read}})
	_, other := newToken(t, Grant{Name: "one", Scopes: []Scope{Write}})
	for content, want := range map[string]string{
		"":                                 "empty",
		" \n\n":                            "empty",
		"# a comment\none":                 "line 2",
		line + "\n" + other:                "line 2: has the name or the hash of line 1",
		line + "\n" + "two" + line[3:]:     "line 2: has the name or the hash of line 1",
		line + " reader=0":                 "reader=ID",
		line + " reader=x":                 "reader=ID",
		line + " 7":                        "reader=ID",
		line + " reader=7 more":            "want NAME",
		line + ",read":                     "each once",
		"one " + token + " read":           "the second word",
		"one sha256:abcd read":             "64 hexadecimal digits",
		strings.Replace(line, "o", "/", 1): "name",
	} {
		file := filepath.Join(t.TempDir(), "tokens")
		write(t, file, content)
		_, err := NewGate(Config{File: file})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) || strings.Contains(err.Error(), token) {
			t.Errorf("%q: %v, want %q, the file, and no token", content, err, want)
		}
	}
	if _, err := NewGate(Config{File: "/does/not/exist"}); err == nil {
		t.Error("a file that does not exist is no error")
	}
}

func TestNewRefuses(t *testing.T) {
	for _, g := range []Grant{{}, {Name: "a b", Scopes: Scopes()}, {Name: "a"}, {Name: "a", Scopes: []Scope{"all"}}, {Name: "a", Scopes: []Scope{Read, Read}}, {Name: "a", Scopes: Scopes(), Reader: -1}} {
		if _, line, err := New(g); err == nil {
			t.Errorf("%+v makes %q", g, line)
		}
	}
}

func TestReadToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	for content, want := range map[string]string{"secret": "secret", " secret\r\n": "secret", "": "", "\n": "", "two words": "", "two\nlines": ""} {
		write(t, file, content)
		if got, err := ReadToken(file); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", content, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	_, line, err := New(Grant{Name: "one", Scopes: Scopes(), Reader: 7})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line + "\n# comment\n\n")
	f.Add("one sha256: read reader=")
	f.Fuzz(func(t *testing.T, content string) {
		entries, err := parse(content)
		if err != nil {
			return
		}
		for _, e := range entries {
			if err := e.grant.validate(); err != nil {
				t.Errorf("parsed %+v, which is not valid: %v", e.grant, err)
			}
		}
	})
}
