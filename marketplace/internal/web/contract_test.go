package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// contract checks answers against openapi.yaml.
type contract struct {
	doc map[string]any

	one      sync.Mutex // the compiler is not safe for concurrent use
	compiler *jsonschema.Compiler
}

const contractURL = "https://bookstall.test/openapi.json"

// theContract returns the contract, which all tests share.
func theContract(tb testing.TB) *contract {
	tb.Helper()
	c, err := readContract()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

var readContract = sync.OnceValues(func() (*contract, error) {
	content, err := os.ReadFile("api/openapi.yaml")
	if err != nil {
		return nil, err
	}
	var fromYAML any
	if err := yaml.Unmarshal(content, &fromYAML); err != nil {
		return nil, err
	}
	asJSON, err := json.Marshal(fromYAML)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(asJSON)))
	if err != nil {
		return nil, err
	}
	c := &contract{doc: doc.(map[string]any), compiler: jsonschema.NewCompiler()}
	c.compiler.AssertFormat()
	return c, c.compiler.AddResource(contractURL, doc)
})

// at returns the node at a JSON pointer and its place in the file, after following $ref.
func (c *contract) at(pointer ...string) (node map[string]any, where []string) {
	node = c.doc
	for _, key := range pointer {
		node, _ = node[key].(map[string]any)
		where = append(where, key)
		if ref, ok := node["$ref"].(string); ok {
			node, where = c.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
	}
	return node, where
}

// validate checks a value against the schema at a place in the file.
func (c *contract) validate(value any, where []string) error {
	escape := strings.NewReplacer("~", "~0", "/", "~1")
	pointer := ""
	for _, key := range where {
		pointer += "/" + escape.Replace(key)
	}
	c.one.Lock()
	schema, err := c.compiler.Compile(contractURL + "#" + (&url.URL{Path: pointer}).EscapedPath())
	c.one.Unlock()
	if err != nil {
		return err
	}
	return schema.Validate(value)
}

// find returns the path in the file that matches the path of a request, "" for none.
func (c *contract) find(path string) string {
	paths, _ := c.at("paths")
	got := strings.Split(path, "/")
	for template := range paths {
		want := strings.Split(template, "/")
		same := len(want) == len(got)
		for i := 0; same && i < len(want); i++ {
			same = want[i] == got[i] || strings.HasPrefix(want[i], "{") && got[i] != ""
		}
		if same {
			return template
		}
	}
	return ""
}

// wrap checks every API response of a handler.
func (c *contract) wrap(t *testing.T, next http.Handler) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isAPI(r) {
			next.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		if err := c.check(r, rec); err != nil {
			t.Errorf("%s %s answers %d\n%s\nwhich openapi.yaml does not allow: %v", r.Method, r.URL, rec.Code, rec.Body, err)
		}
		maps.Copy(w.Header(), rec.Header())
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// check returns how a response differs from the file.
func (c *contract) check(r *http.Request, rec *httptest.ResponseRecorder) error {
	method := strings.ToLower(r.Method)
	if method == "head" {
		method = "get"
	}
	template := c.find(r.URL.EscapedPath())
	response, where := c.at("paths", template, method, "responses", strconv.Itoa(rec.Code))
	if operation, _ := c.at("paths", template, method); operation == nil {
		// Operations that the file does not have must be refused with a problem.
		if !slices.Contains([]int{401, 403, 404, 405, 413, 414, 421, 429}, rec.Code) {
			return errors.New("no such operation")
		}
		response, where = c.at("components", "responses", "Problem")
	}
	if response == nil {
		return errors.New("no such status")
	}
	headers, _ := response["headers"].(map[string]any)
	for name := range headers {
		header, at := c.at(append(slices.Clone(where), "headers", name)...)
		value := rec.Header().Get(name)
		if value == "" && header["required"] == true {
			return fmt.Errorf("no header %s", name)
		} else if value != "" {
			if err := c.validate(value, append(slices.Clone(at), "schema")); err != nil {
				return fmt.Errorf("header %s: %w", name, err)
			}
		}
	}
	content, _ := response["content"].(map[string]any)
	if len(content) == 0 {
		if rec.Body.Len() > 0 {
			return errors.New("a body where there is none")
		}
		return nil
	}
	mediaType := rec.Header().Get("Content-Type")
	if _, known := content[mediaType]; !known {
		return fmt.Errorf("no such content type %q", mediaType)
	}
	if !strings.HasSuffix(mediaType, "json") {
		return nil
	}
	body, err := jsonschema.UnmarshalJSON(strings.NewReader(rec.Body.String()))
	if err != nil {
		return err
	}
	return c.validate(body, append(slices.Clone(where), "content", mediaType, "schema"))
}

// The file and the list of routes have the same addresses.
func TestContractHasEveryRoute(t *testing.T) {
	var routes, described []string
	for _, r := range (&shop{}).routes() {
		if method, path, _ := strings.Cut(r.pattern, " "); strings.HasPrefix(path, "/api") {
			routes = append(routes, method+" "+path)
		}
	}
	c := theContract(t)
	paths, _ := c.at("paths")
	for path, operations := range paths {
		for method := range operations.(map[string]any) {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(routes)
	slices.Sort(described)
	if diff := cmp.Diff(routes, described); diff != "" {
		t.Errorf("the routes differ from openapi.yaml (-routes +file):\n%s", diff)
	}
}

// The checks themselves find faults.
func TestContractSeesFaults(t *testing.T) {
	for name, test := range map[string]struct {
		path, contentType, body string
		status                  int
	}{
		"more than the schema has": {"/api/v1/categories", "application/json", `{"categories":[],"more":1}`, 200},
		"less than the schema has": {"/api/v1/books/1", "application/json", `{"id":1}`, 200},
		"another content type":     {"/api/v1/categories", "text/plain", `{"categories":[]}`, 200},
		"another status":           {"/api/v1/categories", "application/json", `{"categories":[]}`, 201},
		"another route":            {"/api/v2/categories", "application/json", `{"categories":[]}`, 200},
		"fallback with a replica":  {"/api/v1/recommendations", "application/json", `{"recommendations":[],"source":"fallback","served_by":"x"}`, 200},
	} {
		t.Run(name, func(t *testing.T) {
			rec := httptest.NewRecorder()
			rec.Header().Set("Content-Type", test.contentType)
			rec.Header().Set("X-Request-ID", "12345678")
			rec.WriteHeader(test.status)
			_, _ = rec.WriteString(test.body)
			err := theContract(t).check(httptest.NewRequest(http.MethodGet, test.path, nil), rec)
			if err == nil || strings.Contains(err.Error(), "header") {
				t.Errorf("check returns %v", err)
			}
		})
	}
}
