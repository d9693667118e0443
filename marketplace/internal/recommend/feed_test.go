package recommend

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/catalog"
)

// eventually waits until the feed has made done true.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
	}
}

func TestTheFeedPullsTheCatalogueAndSavesASnapshot(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.json")
	f := &fake{version: "v1", titles: []string{"One", "Two"}}
	c, feed := connect(t, f, file)
	called := make(chan struct{}, 10)
	feed.OnCatalog(func() { called <- struct{}{} })
	runFeed(t, feed)
	<-called
	if book, err := c.catalog.Book(2); err != nil || book.Title != "Two" || c.catalog.Version() != "v1" || len(c.catalog.Samples()) != 1 {
		t.Errorf("%+v, %v, version %s", book, err, c.catalog.Version())
	}
	eventually(t, "the snapshot is saved", func() bool { _, err := os.Stat(file); return err == nil })

	// A shop that starts while recommendations is unavailable opens from the snapshot.
	away := &fake{listErr: status.Error(codes.Unavailable, "away")}
	c2, feed2 := connect(t, away, file)
	runFeed(t, feed2)
	eventually(t, "restored", c2.catalog.Ready)
	if c2.catalog.Version() != "v1" {
		t.Errorf("version %s", c2.catalog.Version())
	}
	// It refreshes once recommendations is back.
	away.set(func(f *fake) { f.listErr, f.version, f.titles = nil, "v2", []string{"Only"} })
	eventually(t, "the new version", func() bool { return c2.catalog.Version() == "v2" })
}

func TestADamagedSnapshotIsReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.json")
	if err := os.WriteFile(file, []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, feed := connect(t, &fake{version: "v1", titles: []string{"One"}}, file)
	runFeed(t, feed)
	eventually(t, "pulled", c.catalog.Ready)
	eventually(t, "the snapshot is valid again", func() bool { _, err := catalog.Load(file); return err == nil })
}

func TestAnAnswerOfAnotherVersionCausesARefresh(t *testing.T) {
	f := &fake{version: "v1", titles: []string{"One"}}
	f.recommend = func(context.Context, *recommendationsv1.RecommendRequest) (*recommendationsv1.RecommendResponse, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		return &recommendationsv1.RecommendResponse{CatalogVersion: f.version}, nil
	}
	c, feed := connect(t, f, "")
	runFeed(t, feed)
	eventually(t, "v1", c.catalog.Ready)
	f.set(func(f *fake) { f.version, f.titles = "v2", []string{"One", "Two"} })
	c.Shelf(t.Context(), Query{UserID: 1, MaxResults: 1})
	eventually(t, "v2", func() bool { return c.catalog.Version() == "v2" })
}

func TestAnInvalidCatalogueIsNotUsed(t *testing.T) {
	f := &fake{version: "v1", titles: []string{"One"}}
	c, feed := connect(t, f, "")
	runFeed(t, feed)
	eventually(t, "v1", c.catalog.Ready)
	for name, spoil := range map[string]func(*fake){
		"too few books":     func(f *fake) { f.version, f.announce = "v2", 3 },
		"an untitled book":  func(f *fake) { f.version, f.announce, f.titles = "v3", 0, []string{""} },
		"no books":          func(f *fake) { f.version, f.titles = "v4", nil },
		"the stream breaks": func(f *fake) { f.listErr = errors.New("broken") },
	} {
		f.set(spoil)
		before := f.listed()
		feed.Refresh()
		eventually(t, name+" was pulled", func() bool { return f.listed() > before })
		if got := c.catalog.Version(); got != "v1" {
			t.Errorf("%s: the catalogue is %s, want v1", name, got)
		}
	}
}

// A store can be added or removed while the books stay the same.
func TestTheFeedFollowsReadOnlyMode(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.json")
	f := &fake{version: "v1", titles: []string{"One"}, readOnly: true}
	c, feed := connect(t, f, file)
	runFeed(t, feed)
	eventually(t, "v1", c.catalog.Ready)
	if !c.catalog.ReadOnly() {
		t.Error("the catalogue is not read-only, but recommendations has no store")
	}
	eventually(t, "the snapshot is read-only", func() bool { saved, err := catalog.Load(file); return err == nil && saved.ReadOnly })
	f.set(func(f *fake) { f.readOnly = false })
	feed.Refresh()
	eventually(t, "a store was added", func() bool { return !c.catalog.ReadOnly() })
}

func TestAnUnchangedCatalogueIsNotSentAgain(t *testing.T) {
	f := &fake{version: "v1", titles: []string{"One"}}
	c, feed := connect(t, f, "")
	runFeed(t, feed)
	eventually(t, "v1", c.catalog.Ready)
	f.set(func(f *fake) { f.titles = []string{"Never sent"} })
	before := f.listed()
	feed.Refresh()
	eventually(t, "listed again", func() bool { return f.listed() > before })
	if book, err := c.catalog.Book(1); err != nil || book.Title != "One" {
		t.Errorf("%+v, %v", book, err)
	}
}

// A catalogue that cannot be pulled is an error in the log and in the metrics, and reported
// to the program; that recommendations is away for a moment is a warning.
func TestACatalogueThatCannotBePulledIsReported(t *testing.T) {
	for code, level := range map[codes.Code]string{codes.ResourceExhausted: "error", codes.Unavailable: "warn"} {
		f := &fake{listErr: status.Error(code, "message larger than max")}
		c, feed := connect(t, f, "")
		var out strings.Builder
		tel := telemetry.New(t.Context(), "shop", "shop-1", telemetry.Config{LogLevel: "info"}, &out)
		feed.log = tel.Log
		pulls := make(chan error)
		feed.OnPull(func(err error) { pulls <- err })
		done := make(chan error, 1)
		go func() { done <- feed.Run() }()
		if err := <-pulls; status.Code(err) != code {
			t.Errorf("%v: reported %v", code, err)
		}
		f.set(func(f *fake) { f.listErr, f.version, f.titles = nil, "v1", []string{"One"} })
		if n := testutil.ToFloat64(c.metrics.current); n != 0 {
			t.Errorf("%v: catalog_current is %v", code, n)
		}
		for err := <-pulls; err != nil; err = <-pulls { // one more may have begun before
			t.Log(err)
		}
		eventually(t, "catalog_current is 1", func() bool { return testutil.ToFloat64(c.metrics.current) == 1 })
		if err := errors.Join(feed.Stop(context.Background()), <-done); err != nil {
			t.Error(err)
		}
		tel.Close()
		if text := out.String(); !strings.Contains(text, `"level":"`+level+`"`) || !strings.Contains(text, "catalogue not refreshed") {
			t.Errorf("%v: want a line of level %s:\n%s", code, level, text)
		}
	}
}

// Every field of a book arrives.
func TestABookHasAllFields(t *testing.T) {
	whole := &recommendationsv1.Book{
		Id: 1, ExternalId: "x-1", Title: "T", Author: "A", Year: 1999, Categories: []string{"fantasy"}, Popularity: 5, Series: "S", Isbn: "9780261103283", Description: "D",
		Price: "1", Currency: "EUR", Language: "en", Availability: recommendationsv1.Availability_AVAILABILITY_UNAVAILABLE, Stock: new(int64(0)), Hidden: true,
		BuyUrl: "https://shop.example/", Publisher: "P", Format: "Paperback", Pages: 310, SeriesNumber: "2",
		Contributors: []*recommendationsv1.Contributor{{Name: "N", Role: "editor"}}, Added: &timestamppb.Timestamp{Seconds: 1763719200},
	}
	fields := whole.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if !whole.ProtoReflect().Has(fields.Get(i)) {
			t.Errorf("the test does not set %s", fields.Get(i).Name())
		}
	}
	got := reflect.ValueOf(book(whole))
	for i := range got.NumField() {
		if got.Field(i).IsZero() && got.Type().Field(i).Name != "New" { // which depends on other books
			t.Errorf("%s is empty", got.Type().Field(i).Name)
		}
	}
	if at := book(whole).Added; !at.Equal(time.Date(2025, 11, 21, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("added at %v", at)
	}
	if at := book(&recommendationsv1.Book{Added: &timestamppb.Timestamp{Seconds: 1 << 50}}).Added; !at.IsZero() {
		t.Errorf("a time that is none is %v", at)
	}
	if a := book(&recommendationsv1.Book{Availability: 99}).Availability; a != catalog.AvailabilityUnknown {
		t.Errorf("an availability of a later version is %q", a)
	}
}
