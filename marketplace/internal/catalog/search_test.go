package catalog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func TestSearch(t *testing.T) {
	c := open(t, shop())
	for _, test := range []struct {
		text string
		want []int64
	}{
		{"hobbit", []int64{1}},
		{"HOBBIT", []int64{1}},
		{"the hob", []int64{1}},
		{"Bronte", []int64{2}},
		{"brontë", []int64{2}},
		{"Bronte\u0308", []int64{2}}, // combining accent
		{"garcia marquez", []int64{3}},
		{"marquez solitude", []int64{3}},
		{"les mis", []int64{4}},
		{"catch 22", []int64{5}},
		{"catch22", []int64{5}},
		{"Catch-22", []int64{5}},
		{"catch—22", []int64{5}},
		{"handmaids tale", []int64{6}},
		{"handmaid's", []int64{6}},
		{"handmaid", []int64{6}},
		{"jrr tolkien", []int64{1, 12}},
		{"j r r tolkien", []int64{1, 12}},
		{"J.R.R. Tolkien", []int64{1, 12}},
		{"J.R.R.Tolkien", []int64{1, 12}},
		{"tolkien jrr", []int64{1, 12}},
		{"hoeg", []int64{10}},
		{"strasse", []int64{13}},
		{"gross", []int64{13}},
		{"straße traume", []int64{13}},
		{"lord of the rings", []int64{12}},
		{"middle earth", []int64{1}},

		// Exact title, then title with that prefix, then title with that word, whatever their popularity.
		{"it", []int64{7, 8, 9}},
		// A match in the title comes before a more popular author.
		{"king", []int64{11, 7}},

		{"hobbit rowling", []int64{}},
		{"xyzzy", []int64{}},
		{"?!", []int64{}},
		{"🙂", []int64{}},
		{"\xff\xfe", []int64{}},
		{"\x00", []int64{}},
	} {
		if diff := cmp.Diff(test.want, ids(c.List(Query{Text: test.text, Limit: 100}).Books)); diff != "" {
			t.Errorf("search for %q (-want +got):\n%s", test.text, diff)
		}
	}
}

func TestSearchInCategory(t *testing.T) {
	c := open(t, shop())
	page := c.List(Query{Text: "it", Category: "mystery-thriller", Limit: 10})
	if diff := cmp.Diff([]int64{9}, ids(page.Books)); diff != "" || page.Total != 1 {
		t.Errorf("total %d (-want +got):\n%s", page.Total, diff)
	}
}

func TestListPages(t *testing.T) {
	c := open(t, many(103))
	for name, q := range map[string]Query{"all": {}, "category": {Category: "category-3"}, "text": {Text: "the"}} {
		q.Limit = 1000
		whole := c.List(q)
		var got []int64
		q.Limit = 10
		for q.Offset = 0; q.Offset < whole.Total; q.Offset += q.Limit {
			got = append(got, ids(c.List(q).Books)...)
		}
		if diff := cmp.Diff(ids(whole.Books), got); diff != "" || len(got) == 0 {
			t.Errorf("%s: pages differ from the whole (-want +got):\n%s", name, diff)
		}
		const far = int(^uint(0) >> 1)
		for _, q := range []Query{{Offset: far, Limit: far}, {Offset: -far, Limit: -far}, {Offset: 1, Limit: far}} {
			if total := c.List(q).Total; total != 103 {
				t.Errorf("List(%+v): total %d", q, total)
			}
		}
	}
}

// Any text is accepted, and no book is found twice.
func FuzzSearch(f *testing.F) {
	for _, text := range []string{"", "the hobbit", "J.R.R.", "\xff", "İstanbul", "ﬁ", strings.Repeat("a ", 300), "a\u0301\u0302"} {
		f.Add(text)
	}
	c := open(f, shop())
	f.Fuzz(func(t *testing.T, text string) {
		page := c.List(Query{Text: text, Limit: 1000})
		if page.Total != len(page.Books) {
			t.Fatalf("total %d, %d books", page.Total, len(page.Books))
		}
		found := ids(page.Books)
		slices.Sort(found)
		if len(slices.Compact(found)) != page.Total {
			t.Fatalf("a book is found twice for %q", text)
		}
	})
}

// Every book is the first result for its own title.
func TestSearchFindsEveryTitle(t *testing.T) {
	c := open(t, many(500))
	for _, b := range many(500).Books {
		page := c.List(Query{Text: b.Title, Limit: 1})
		if page.Total == 0 || page.Books[0].Title != b.Title {
			t.Errorf("%q finds %+v", b.Title, page)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		c := open(b, many(n))
		for _, text := range []string{"the", "t", "the kalo", "the of ka lo mi", "ab", strings.Repeat("t h e ", 30), "the sonwodish", "the kalomtier of vindosha eltherso"} {
			b.Run(fmt.Sprintf("%d/%s", n, text[:min(len(text), 12)]), func(b *testing.B) {
				for b.Loop() {
					c.List(Query{Text: text, Limit: 20})
				}
			})
		}
	}
}

func BenchmarkReplace(b *testing.B) {
	contents := many(10_000)
	c := New()
	for b.Loop() {
		if err := c.Replace(contents); err != nil {
			b.Fatal(err)
		}
	}
}

// What readers type is found, although the catalogue has it otherwise.
func TestSearchSpellings(t *testing.T) {
	book := func(id int64, title, author string) Book {
		return Book{ID: id, Title: title, Author: author, Categories: []string{"fiction"}, Popularity: id}
	}
	c := open(t, Contents{Version: "v1", Books: []Book{
		book(1, "Nineteen Eighty-Four", "George Orwell"),
		book(2, "1Q84", "村上 春樹"),
		book(3, "Twenty Thousand Leagues Under the Seas", "Jules Verne"),
		book(4, "Slaughterhouse-Five", "Kurt Vonnegut"),
		book(5, "1984 and After", "Sam Smith"),
		book(6, "The Colour of Magic", "Terry Pratchett"),
		book(7, "Gray Mountain", "John Grisham"),
		book(8, "Organised Crime", "Anna Müller"),
		book(9, "Mueller's Report", "Someone"),
		book(10, "吾輩は猫である", "夏目漱石"),
		book(11, "ノルウェイの森", "村上春樹"),
		book(12, "채식주의자", "한강"),
		book(13, "الخُبز الحافي", "محمد شكري"),
		book(14, "مدينة إلى الأبد", "أحمد"),
		book(15, "סִפּוּר עַל אַהֲבָה", "עמוס עוז"),
		book(16, "ألف ليلة وليلة ١٠٠١", "مجهول"),
		book(17, "Ræven og Østers", "Åse Bjørnsen"),
		book(18, "Stardust", "Neil Gaiman"),
		{ID: 19, Title: "The Hobbit", Author: "J.R.R. Tolkien", ISBN: "0261103288", Series: "Middle-earth #2", Categories: []string{"mystery-thriller"}, Popularity: 19},
	}})
	for text, want := range map[string][]int64{
		"1984":                   {5, 1},
		"nineteen eighty four":   {1, 5},
		"nineteen eighty-four":   {1, 5},
		"20,000 leagues":         {3},
		"20000 leagues under":    {3},
		"slaughterhouse 5":       {4},
		"slaughterhouse five":    {4},
		"the color of magic":     {6},
		"colour magic":           {6},
		"grey mountain":          {7},
		"organized crime":        {8},
		"mueller":                {9, 8},
		"müller":                 {9, 8},
		"muller":                 {8},
		"猫":                      {10},
		"は猫":                     {10},
		"村上春樹":                   {11, 2},
		"村上 春樹":                  {11, 2},
		"のるうぇいの森":                {11},
		"주의":                     {12},
		"한강":                     {12},
		"الخبز":                  {13},
		"مدينه الي الابد":        {14},
		"ספור על אהבה":           {15},
		"1001":                   {16},
		"raeven osters":          {17},
		"raeven oesters":         {17},
		"aase bjoernsen":         {17},
		"ase bjornsen":           {17},
		"star dust":              {18},
		"isbn 9780261103283":     {19},
		"ISBN 978-0-261-10328-3": {19},
		"isbn: 0-261-10328-8":    {19},
		"ISBN-13: 9780261103283": {19},
		"ISBN-10: 0261103288":    {19},
		"ISBN9780261103283":      {19},
		"isbn 9780261103284":     {},
		"9780261103283":          {19},
		"978-0-261-10328-3":      {19},
		"0-261-10328-8":          {19},
		"0261103288":             {19},
		"9780261103284":          {},
		"hobbit mystery":         {19},
		"thriller":               {19},
		"middle earth 2":         {19},
		"tolkien hobbit the":     {19},
	} {
		page := c.List(Query{Text: text, Limit: 100})
		if diff := cmp.Diff(want, ids(page.Books)); diff != "" || page.Instead != "" {
			t.Errorf("search for %q, instead %q (-want +got):\n%s", text, page.Instead, diff)
		}
	}
}

func TestSearchForgivesTypingMistakes(t *testing.T) {
	c := open(t, shop())
	for _, test := range []struct {
		text, instead string
		want          []int64
	}{
		{"hobit", "Hobbit", []int64{1}},
		{"the hbobit", "the hobbit", []int64{1}},
		{"tolkein", "Tolkien", []int64{1, 12}},
		{"rolkien", "Tolkien", []int64{1, 12}}, // the first letter
		{"TOLKEIN hobbit", "Tolkien hobbit", []int64{1}},
		{"solitdue", "Solitude", []int64{3}},
		{"misreables", "Misérables", []int64{4}},
		{"fellowshpi fo ring", "fellowship of ring", []int64{12}},
		{"teh hobbit", "the hobbit", []int64{1}},
		{"hobbit teh", "hobbit the", []int64{1}},
		{"teh", "", nil}, // alone it could be anything
		{"felowshp", "Fellowship", []int64{12}},
		{"jane erye", "jane eyre", []int64{2}},
		{"murdr", "Murder", []int64{9}},
		{"hobbbbit", "", nil},
		{"stephn knig", "stephen king", []int64{7}},
	} {
		page := c.List(Query{Text: test.text, Limit: 100})
		if diff := cmp.Diff(append([]int64{}, test.want...), ids(page.Books)); diff != "" || page.Instead != test.instead {
			t.Errorf("search for %q: instead %q, want %q (-want +got):\n%s", test.text, page.Instead, test.instead, diff)
		}
	}
	if page := c.List(Query{Text: "hobit", Category: "horror", Limit: 10}); page.Total != 0 || page.Instead != "" {
		t.Errorf("in a category without the book: %+v", page)
	}
}

// Spaces that were left out are put in where a book has the words one after the other.
func TestSearchForgivesMissingSpaces(t *testing.T) {
	contents := shop()
	for i, title := range []string{"Harry Potter and the Chamber of Secrets", "The Great Gatsby", "Life of Pi", "Pottery with Harry", "Homeland", "At Home and Abroad"} {
		contents.Books = append(contents.Books, Book{ID: 20 + int64(i), Title: title, Author: "Neil Gaiman", Categories: []string{"fiction"}, Popularity: 1000 - int64(i)})
	}
	c := open(t, contents)
	for _, test := range []struct {
		text, instead string
		want          []int64
	}{
		{"harrypotter", "Harry Potter", []int64{20, 23}},
		{"HarryPotter secrets", "Harry Potter secrets", []int64{20}},
		{"harrypotter secrtes", "Harry Potter Secrets", []int64{20}},
		{"greatgatsby", "", []int64{21}},    // but for the article
		{"thegreatgatsby", "", []int64{21}}, // the whole title
		{"lifeofpi", "", []int64{22}},
		{"chamberofsecrets", "Chamber of Secrets", []int64{20}},
		{"neilgaiman pi", "Neil Gaiman pi", []int64{22}},
		{"lordoftherings", "Lord of the Rings", []int64{12}},
		{"harryand", "", []int64{}},          // no book has it
		{"homeand", "Homeland", []int64{24}}, // a mistake in a whole title comes before a part of another
		{"gatsbygreat", "", []int64{}},       // no book has it in this order
		{"potterchamber", "", []int64{}},     // nor without words between
		{"harrypotter hobbit", "", []int64{}},
	} {
		page := c.List(Query{Text: test.text, Limit: 100})
		if diff := cmp.Diff(test.want, ids(page.Books)); diff != "" || page.Instead != test.instead {
			t.Errorf("search for %q: instead %q, want %q (-want +got):\n%s", test.text, page.Instead, test.instead, diff)
		}
	}
}

// C++ and C# are words, and not the letter C, unless no book has them.
func TestSearchForSigns(t *testing.T) {
	contents := shop()
	for i, title := range []string{"A Tour of C++", "C++11: A Primer", "C# in Depth", "The C Programming Language", "Programming F#", "Cat + Dog", "Dune#2"} {
		contents.Books = append(contents.Books, Book{ID: 20 + int64(i), Title: title, Author: "Anon", Categories: []string{"textbooks"}, Popularity: 20 - int64(i)})
	}
	for _, test := range []struct {
		contents      Contents
		text, instead string
		want          []int64
	}{
		{contents, "C++", "", []int64{21, 20}},
		{contents, "c++ tour", "", []int64{20}},
		{contents, "C++11", "", []int64{21}},
		{contents, "c#", "", []int64{22}},
		{contents, "f#", "", []int64{24}},
		{contents, "C programming", "", []int64{23}},
		{contents, "cat+dog", "", []int64{25}},
		{contents, "dune 2", "", []int64{26}},
		{contents, "#2", "", []int64{5, 26}},
		{contents, "Dune++", "Dune", []int64{26}},
		{shop(), "catch++", "catch", []int64{5}},
		{shop(), "C# 22", "C 22", []int64{5}},
		{shop(), "xyzzy++", "", []int64{}},
	} {
		page := open(t, test.contents).List(Query{Text: test.text, Limit: 100})
		if diff := cmp.Diff(test.want, ids(page.Books)); diff != "" || page.Instead != test.instead {
			t.Errorf("search for %q: instead %q, want %q (-want +got):\n%s", test.text, page.Instead, test.instead, diff)
		}
	}
	if page := open(t, shop()).List(Query{Text: "C++", Limit: 1}); page.Total == 0 || page.Instead != "C" {
		t.Errorf("C++ where no book has it: %d books, instead %q, want those with C", page.Total, page.Instead)
	}
}

// The walk through the sorted words finds what a comparison with each word finds.
func TestSimilarWords(t *testing.T) {
	c := open(t, realBooks(t, demonstration, "author", "popularity"))
	x := c.current.Load().index
	rng := rand.New(rand.NewPCG(2, 2))
	for range 300 {
		word := []rune(x.words[rng.IntN(len(x.words))])
		if len(word) < 4 {
			continue
		}
		word = mistype(word, rng)
		var want []similar
		for i, candidate := range x.words {
			d := newDistances(word)
			for _, r := range candidate {
				d.add(r)
			}
			if n := d.distance(); n > 0 && n <= edits(max(len(word), len(d.letters))) && n <= edits(len(word)+1) {
				want = append(want, similar{i, n})
			}
		}
		if runsOn(string(word)) || !strings.ContainsFunc(string(word), unicode.IsLetter) {
			want = nil
		}
		if got := x.similar(string(word)); !slices.Equal(got, want) {
			t.Fatalf("%q: %v, want %v", string(word), got, want)
		}
	}
}
