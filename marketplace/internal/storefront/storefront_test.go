package storefront_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/currency"

	"bookstall/marketplace/internal/storefront"
)

// folder writes files to a folder and returns the path of shop.yaml there.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "shop.yaml")
}

const whole = `
name: Corner Books
language: en-GB
currency: GBP
texts:
  tagline: Second-hand since 1974.
  heading: Books from the corner
  footnote: We buy books on Fridays.
logo: corner.svg
colours:
  light: {accent: "#234", accentStrong: "#123"}
contact: {email: books@corner.example, phone: +44 1632 960000, address: "1 High Street, Whitby"}
pages:
  - {slug: imprint, title: Imprint, file: imprint.md}
links:
  - {text: Imprint, address: /pages/imprint}
  - {text: Events, address: "https://events.example/corner"}
`

func TestLoad(t *testing.T) {
	face, err := storefront.Load(folder(t, map[string]string{
		"shop.yaml":  whole,
		"corner.svg": `<svg xmlns="http://www.w3.org/2000/svg"/>`,
		"imprint.md": "# Who we are\n\n<script>alert(1)</script>\n\n[here](javascript:alert) and [there](https://corner.example)\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if face.Name != "Corner Books" || face.Language.String() != "en-GB" || face.Currency != currency.GBP || face.Texts.Heading != "Books from the corner" ||
		face.Logo == nil || face.Logo.Name != "logo.svg" || len(face.Links) != 2 || face.Contact.Email != "books@corner.example" {
		t.Errorf("the face is %+v", face)
	}
	if got := face.Colours; got.Light.Accent != "#234" || got.Light.Text != storefront.Default().Colours.Light.Text || got.Dark != storefront.Default().Colours.Dark {
		t.Errorf("the colours are %+v, want those of the file over the default ones", got)
	}
	if css := face.Colours.CSS(); !strings.Contains(css, "--accent:#234;") || !strings.Contains(css, "prefers-color-scheme:dark") {
		t.Errorf("the rules are %q", css)
	}
	body := face.Pages[0].Body
	for _, want := range []string{"<h1>Who we are</h1>", `href="https://corner.example"`, "<table>"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q:\n%s", want, body)
		}
	}
	for _, bad := range []string{"<script", "javascript:"} {
		if strings.Contains(body, bad) {
			t.Errorf("the page has %q:\n%s", bad, body)
		}
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	long := strings.Repeat("x", 301)
	for name, c := range map[string]struct{ file, want string }{
		"unknown field":    {"nme: x", "nme"},
		"no YAML":          {"name: [", "yaml"},
		"long name":        {"name: " + long, "name has 301 characters, want at most 60"},
		"two lines":        {"name: \"a\\nb\"", "name has a line break"},
		"language":         {"language: English please", `language is "English please", want a tag such as en-GB or de`},
		"no currency":      {"currency: Euro", `currency is "Euro", want a code of ISO 4217 such as EUR`},
		"no colour":        {"colours: {light: {accent: red}}", `colours.light.accent is "red", want #rgb or #rrggbb`},
		"pale text":        {`colours: {light: {muted: "#aaa"}}`, "colours.light: muted on background has a contrast of 2.1"},
		"pale button":      {`colours: {dark: {onAccent: "#fff"}}`, "colours.dark: onAccent on accent has a contrast of"},
		"missing logo":     {"logo: other.svg", "logo: open"},
		"logo elsewhere":   {"logo: ../logo.svg", `logo is "../logo.svg", want the name of a file in the folder`},
		"logo of its kind": {"logo: shop.yaml", "logo is \"shop.yaml\", want an SVG, PNG, JPEG or WebP"},
		"e-mail":           {"contact: {email: nobody}", `contact.email is "nobody"`},
		"slug":             {"pages: [{slug: A B, title: x, file: shop.yaml}]", `pages[0].slug is "A B", want lower-case`},
		"no title":         {"pages: [{slug: a, file: shop.yaml}]", "pages[0].title is empty"},
		"no file":          {"pages: [{slug: a, title: x}]", "pages[0].file is"},
		"two of a slug":    {"pages: [{slug: a, title: x, file: shop.yaml}, {slug: a, title: y, file: shop.yaml}]", `pages[1].slug is "a", as that of another page`},
		"script":           {`links: [{text: x, address: "javascript:alert(1)"}]`, `links[0].address is "javascript:alert(1)", want /PATH`},
		"another host":     {`links: [{text: x, address: "//evil.example"}]`, "links[0].address is"},
		"no text":          {"links: [{address: /books}]", "links[0].text is empty"},
		"two at once":      {"name: " + long + "\nlanguage: \"?\"", "language is"},
	} {
		path := folder(t, map[string]string{"shop.yaml": c.file})
		_, err := storefront.Load(path)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%s: the error is %v; want one of %s with %q", name, err, path, c.want)
		}
	}
	if _, err := storefront.Load(filepath.Join(t.TempDir(), "none.yaml")); err == nil {
		t.Error("a missing file is accepted")
	}
}

// TestEmptyFile is what an owner begins with.
func TestEmptyFile(t *testing.T) {
	for _, content := range []string{"", "# nothing yet\n"} {
		face, err := storefront.Load(folder(t, map[string]string{"shop.yaml": content}))
		if err != nil || face.Name != "Bookstall" || face.Colours.CSS() != "" {
			t.Errorf("Load of %q: %+v, %v; want the default face", content, face, err)
		}
	}
}

// A second document would be dropped by the decoder.
func TestASecondDocumentIsRefused(t *testing.T) {
	for content, refused := range map[string]bool{
		"name: A\n---\nname: B\n": true, "name: A\n---\n{{": true, "---\nname: A\n": false, "name: A\n...\n# the end\n": false,
	} {
		_, err := storefront.Load(folder(t, map[string]string{"shop.yaml": content}))
		if refused != (err != nil && strings.Contains(err.Error(), "more than one YAML document")) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// TestDefaultColours compares them with the style sheet's, and checks them.
func TestDefaultColours(t *testing.T) {
	sheet, err := os.ReadFile("../web/page/static/shop.css")
	if err != nil {
		t.Fatal(err)
	}
	light, rest, _ := strings.Cut(string(sheet), "@media (prefers-color-scheme: dark)")
	dark, _, _ := strings.Cut(rest, "\n}\n")
	changed := storefront.Default().Colours
	changed.Light.Text, changed.Dark.Text = "#000", "#fff" // so that CSS is not empty
	rules := regexp.MustCompile(`(--[a-z-]+):(#[0-9a-f]+);`)
	ours := strings.SplitN(changed.CSS(), "@media", 2)
	for i, theirs := range []string{light, dark} {
		for _, rule := range rules.FindAllStringSubmatch(ours[i], -1) {
			if rule[1] != "--ink" && !strings.Contains(theirs, rule[1]+": "+rule[2]+";") {
				t.Errorf("theme %d of shop.css has no %s: %s", i, rule[1], rule[2])
			}
		}
	}
	if _, err := storefront.Load(folder(t, map[string]string{"shop.yaml": "name: x"})); err != nil {
		t.Error(err)
	}
}
