package coverdir

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"go.uber.org/goleak"

	"bookstall/marketplace/internal/catalog"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// picture returns a picture of one colour.
func picture(t *testing.T, width, height int, c color.Color) *image.NRGBA {
	t.Helper()
	p := image.NewNRGBA(image.Rect(0, 0, width, height))
	draw.Draw(p, p.Bounds(), image.NewUniform(c), image.Point{}, draw.Src)
	return p
}

func asPNG(t *testing.T, p image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(t *testing.T, p image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, p, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// smallWebP is a WebP of one pixel.
func smallWebP(t *testing.T) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// bomb is a PNG of few bytes and many pixels.
func bomb(width, height uint32) []byte {
	ihdr := append([]byte("IHDR"), 0, 0, 0, 0, 0, 0, 0, 0, 8, 6, 0, 0, 0)
	binary.BigEndian.PutUint32(ihdr[4:], width)
	binary.BigEndian.PutUint32(ihdr[8:], height)
	b := append([]byte("\x89PNG\r\n\x1a\n"), 0, 0, 0, 13)
	b = append(b, ihdr...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(ihdr))
}

// log keeps lines.
type log struct {
	mu    sync.Mutex
	lines []string
}

func (l *log) logger() logr.Logger {
	return funcr.New(func(_, args string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines = append(l.lines, args)
	}, funcr.Options{})
}

func (l *log) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// folder returns a folder with files, which was looked at once.
func folder(t *testing.T, lines *log, files map[string][]byte) *Folder {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	f, err := Open(Config{Dir: dir, Kept: filepath.Join(t.TempDir(), "kept"), Log: lines.logger()})
	if err != nil {
		t.Fatal(err)
	}
	look(t, f)
	return f
}

func look(t *testing.T, f *Folder) {
	t.Helper()
	if err := f.Look(); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCoversAreFoundAndScaled(t *testing.T) {
	blue := picture(t, 1000, 1500, color.NRGBA{0, 0, 255, 255})
	f := folder(t, &log{}, map[string][]byte{
		"7.jpg":                 asJPEG(t, blue),
		"978-0-261-10221-7.PNG": asPNG(t, picture(t, 100, 150, color.NRGBA{255, 0, 0, 0})), // nothing is seen of it
		"034545104X.webp":       smallWebP(t),
		"Bél 7 (b).png":         asPNG(t, picture(t, 10, 15, color.Black)), // an id of the owner's
		"8.jpeg":                asJPEG(t, picture(t, 2000, 1, color.Black)),
		"readme.txt":            []byte("no cover"),
		"9.tiff":                []byte("no cover"),
	})
	for _, test := range []struct {
		book catalog.Book
		size [3]image.Point
	}{
		{catalog.Book{ID: 7, ISBN: "9780261102217"}, [3]image.Point{{160, 240}, {320, 480}, {640, 960}}},
		{catalog.Book{ID: 70, ISBN: "0261102214"}, [3]image.Point{{100, 150}, {100, 150}, {100, 150}}},
		{catalog.Book{ID: 71, ISBN: "9780345451040"}, [3]image.Point{{1, 1}, {1, 1}, {1, 1}}},
		{catalog.Book{ID: 8}, [3]image.Point{{160, 1}, {320, 1}, {640, 1}}},
		{catalog.Book{ID: 1 << 50, ExternalID: "Bél 7 (b)", ISBN: "9780261102217"}, [3]image.Point{{10, 15}, {10, 15}, {10, 15}}},
	} {
		hash, ok := f.Of(test.book)
		if !ok {
			t.Errorf("book %d has no cover", test.book.ID)
			continue
		}
		for i, width := range Widths() {
			content, err := f.Picture(hash, width)
			if err != nil {
				t.Fatal(err)
			}
			p, err := jpeg.Decode(bytes.NewReader(content))
			if err != nil || p.Bounds().Size() != test.size[i] {
				t.Errorf("book %d, width %d: %v, %v, want %v", test.book.ID, width, p.Bounds(), err, test.size[i])
				continue
			}
			r, g, b, _ := p.At(p.Bounds().Dx()/2, p.Bounds().Dy()/2).RGBA()
			if test.book.ID == 7 && (b>>8 < 250 || r>>8 > 5) || test.book.ID == 70 && min(r, g, b)>>8 < 250 {
				t.Errorf("book %d, width %d: the colour is %d %d %d", test.book.ID, width, r>>8, g>>8, b>>8)
			}
		}
	}
	for _, b := range []catalog.Book{{ID: 9}, {ID: 10, ISBN: "9780000000000"}, {ID: 261102214}} {
		if hash, ok := f.Of(b); ok {
			t.Errorf("book %d has the cover %s", b.ID, hash)
		}
	}
	hash, _ := f.Of(catalog.Book{ID: 7})
	for _, bad := range []struct {
		hash  string
		width int
	}{{hash, 161}, {"../" + hash[3:], 160}, {strings.ToUpper(hash), 160}, {"", 160}, {strings.Repeat("0", hashSize), 160}} {
		if _, err := f.Picture(bad.hash, bad.width); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("picture %v: %v", bad, err)
		}
	}
	if _, ok := (*Folder)(nil).Of(catalog.Book{ID: 7}); ok {
		t.Error("no folder has a cover")
	}
}

func TestHostilePicturesAreLoggedOnce(t *testing.T) {
	lines := &log{}
	whole := asJPEG(t, picture(t, 300, 450, color.Black))
	f := folder(t, lines, map[string][]byte{
		"1.png":  bomb(60_000, 60_000),
		"2.png":  bomb(1<<31-1, 1<<31-1),
		"3.jpg":  whole[:len(whole)/2],
		"4.webp": []byte("RIFF\xff\xff\xff\xffWEBPVP8 "),
		"5.jpg":  []byte("<svg onload=alert(1)>"),
		"6.png":  bytes.Repeat([]byte("x"), maxBytes+1),
		"7.png":  nil,
		"8.jpg":  whole,
		"10.gif": whole,
	})
	if err := syscall.Mkfifo(filepath.Join(f.Dir, "9.jpg"), 0o600); err != nil { // opening it would wait for ever
		t.Fatal(err)
	}
	look(t, f)
	look(t, f)
	for id := range int64(11) {
		if _, ok := f.Of(catalog.Book{ID: id}); ok != (id == 8) {
			t.Errorf("book %d has a cover: %v", id, ok)
		}
	}
	for _, name := range []string{"1.png", "2.png", "3.jpg", "4.webp", "5.jpg", "6.png", "7.png", "9.jpg"} {
		if n := lines.count("/" + name + `"`); n != 1 {
			t.Errorf("%s is in %d lines of the log, want 1: %q", name, n, lines.lines)
		}
	}
}

// What decoding takes is known before it begins.
func TestDecodingIsWithinMemory(t *testing.T) {
	plain := asJPEG(t, picture(t, 1000, 1000, color.Black))
	inPasses := bytes.Replace(plain, []byte{0xff, 0xc0}, []byte{0xff, 0xc2}, 1)
	deep := image.NewNRGBA64(image.Rect(0, 0, 1000, 1000))
	deep.Set(1, 1, color.NRGBA64{1, 2, 3, 4}) // not opaque
	for name, test := range map[string]struct {
		content []byte
		need    int64 // MB
	}{
		"JPEG": {plain, 4}, "progressive JPEG": {inPasses, 15}, "PNG": {asPNG(t, picture(t, 1000, 1000, color.NRGBA{1, 2, 3, 4})), 4}, "PNG of 16 bits": {asPNG(t, deep), 8},
	} {
		if _, err := scale(test.content, test.need*1_000_000-1); err == nil || !strings.Contains(err.Error(), "GOMEMLIMIT") {
			t.Errorf("%s within less than %d MB: %v", name, test.need, err)
		}
		if _, err := scale(test.content, test.need*1_000_000); err != nil && strings.Contains(err.Error(), "GOMEMLIMIT") {
			t.Errorf("%s within %d MB: %v", name, test.need, err)
		}
	}
}

func TestPicturesAreScaledOnce(t *testing.T) {
	f := folder(t, &log{}, map[string][]byte{"7.png": asPNG(t, picture(t, 10, 15, color.Black)), "8.png": asPNG(t, picture(t, 10, 15, color.White))})
	first, _ := f.Of(catalog.Book{ID: 7})
	path := f.kept(first, 160)
	mark := time.Now().Add(-time.Hour).Truncate(time.Second)
	if err := os.Chtimes(path, mark, mark); err != nil {
		t.Fatal(err)
	}
	next, err := Open(Config{Dir: f.Dir, Kept: f.Kept, Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	look(t, next)
	if info, err := os.Stat(path); err != nil || !info.ModTime().Equal(mark) {
		t.Errorf("the next process has scaled it again: %v", err)
	}

	// Another picture has another hash; the former stays for pages that have its address.
	write(t, filepath.Join(f.Dir, "7.png"), asPNG(t, picture(t, 20, 30, color.Black)))
	if err := os.Remove(filepath.Join(f.Dir, "8.png")); err != nil {
		t.Fatal(err)
	}
	look(t, next)
	second, ok := next.Of(catalog.Book{ID: 7})
	if !ok || second == first {
		t.Errorf("hash %s, before %s", second, first)
	}
	if _, ok := next.Of(catalog.Book{ID: 8}); ok {
		t.Error("a cover that was removed is there")
	}
	if _, err := next.Picture(first, 160); err != nil {
		t.Errorf("the former picture: %v", err)
	}
	old := time.Now().Add(-2 * unusedFor)
	for _, hash := range []string{first, second} {
		if err := os.Chtimes(next.kept(hash, 160), old, old); err != nil {
			t.Fatal(err)
		}
	}
	foreign := filepath.Join(f.Kept, "notes.txt")
	write(t, foreign, nil)
	if err := os.Chtimes(foreign, old, old); err != nil {
		t.Fatal(err)
	}
	look(t, next)
	if _, err := next.Picture(first, 160); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the former picture after a day: %v", err)
	}
	if _, err := next.Picture(second, 160); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Errorf("a file of somebody else: %v", err)
	}
}

func TestRunAndStop(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "7.png"), asPNG(t, picture(t, 10, 15, color.Black)))
	f, err := Open(Config{Dir: dir, Log: logr.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- f.Run() }()
	for {
		if _, ok := f.Of(catalog.Book{ID: 7}); ok {
			break
		}
		select {
		case <-t.Context().Done():
			t.Fatal("no cover")
		case <-time.After(time.Millisecond):
		}
	}
	if err := f.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ran; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(f.Kept); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary folder stays: %v", err)
	}
	if _, err := Open(Config{Dir: filepath.Join(dir, "none")}); err == nil {
		t.Error("a folder that does not exist is opened")
	}
}
