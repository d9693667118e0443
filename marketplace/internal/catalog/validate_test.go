package catalog

import (
	"strings"
	"testing"
)

func TestReplaceRejects(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Contents)
		want   string
	}{
		"no books":             {func(c *Contents) { c.Books = nil }, "no books"},
		"id 0":                 {func(c *Contents) { c.Books[2].ID = 0 }, "book 0: id is not above 0"},
		"negative id":          {func(c *Contents) { c.Books[2].ID = -4 }, "book -4: id is not above 0"},
		"id twice":             {func(c *Contents) { c.Books[2].ID = 1 }, "book 1: id is not unique"},
		"no title":             {func(c *Contents) { c.Books[0].Title = "" }, "book 1: no title"},
		"bad text":             {func(c *Contents) { c.Books[0].Author = "\xff" }, "UTF-8"},
		"no category":          {func(c *Contents) { c.Books[0].Categories = nil }, "0 categories, want 1 to 4"},
		"many categories":      {func(c *Contents) { c.Books[0].Categories = []string{"a", "b", "c", "d", "e"} }, "5 categories"},
		"category is no slug":  {func(c *Contents) { c.Books[0].Categories = []string{"Sci Fi"} }, `"Sci Fi" is not a slug`},
		"category twice":       {func(c *Contents) { c.Books[0].Categories = []string{"a", "a"} }, "twice"},
		"popularity":           {func(c *Contents) { c.Books[0].Popularity = -1 }, "popularity -1"},
		"price alone":          {func(c *Contents) { c.Books[0].Price = "1.00" }, "go together"},
		"price is no number":   {func(c *Contents) { c.Books[0].Price, c.Books[0].Currency = "1,00", "EUR" }, "not a decimal"},
		"currency is no code":  {func(c *Contents) { c.Books[0].Price, c.Books[0].Currency = "1.00", "€" }, "three capital letters"},
		"buy_url is a script":  {func(c *Contents) { c.Books[0].BuyURL = "javascript:alert(1)" }, "not an http or https address"},
		"buy_url has a user":   {func(c *Contents) { c.Books[0].BuyURL = "https://a@b.example/" }, "not an http or https address"},
		"buy_url has no host":  {func(c *Contents) { c.Books[0].BuyURL = "https:///b" }, "not an http or https address"},
		"availability":         {func(c *Contents) { c.Books[0].Availability = "soon" }, `availability "soon"`},
		"stock":                {func(c *Contents) { c.Books[0].Stock = new(int64(-1)) }, "below 0"},
		"pages":                {func(c *Contents) { c.Books[0].Pages = -1 }, "below 0"},
		"nameless contributor": {func(c *Contents) { c.Books[0].Contributors = []Contributor{{Role: "editor"}} }, "without a name"},
		"sample without label": {func(c *Contents) { c.Samples[0].Label = "" }, "sample reader 7"},
		"sample with id 0":     {func(c *Contents) { c.Samples[0].ID = 0 }, "sample reader 0"},
		"the version is named": {func(c *Contents) { c.Books = nil }, `catalogue "v1"`},
		"two faults":           {func(c *Contents) { c.Books[0].Title, c.Books[1].ID = "", 0 }, "book 0"},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, shop())
			bad := shop()
			test.change(&bad)
			err := c.Replace(bad)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Replace: %v, want an error with %q", err, test.want)
			}
			if c.List(Query{}).Total != len(shop().Books) {
				t.Error("the old contents were lost")
			}
		})
	}
}

func TestReplaceReportsALimitedNumberOfFaults(t *testing.T) {
	bad := many(1000)
	for i := range bad.Books {
		bad.Books[i].Title = ""
	}
	err := New().Replace(bad)
	if err == nil || !strings.Contains(err.Error(), "and 990 more faults") || len(err.Error()) > 1000 {
		t.Errorf("Replace: %v", err)
	}
}
