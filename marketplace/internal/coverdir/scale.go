package coverdir

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	_ "image/png" // a format of covers
	"io"
	"os"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // a format of covers
)

// quality is that of the JPEGs.
const quality = 82

// hashSize is the length of a hash in hexadecimal digits.
const hashSize = 32

// hashOf returns the hash of a picture and of how it is scaled: raise the number with the
// sizes, the quality or the filter.
func hashOf(content []byte) string {
	sum := sha256.New()
	_, _ = io.WriteString(sum, "1\n") // never fails
	_, _ = sum.Write(content)
	return hex.EncodeToString(sum.Sum(nil))[:hashSize]
}

func readAtMost(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(content)) > most {
		err = fmt.Errorf("it has over %d bytes", most)
	}
	return content, err
}

// scale returns a picture in all widths. It decodes none that takes more than some memory.
func scale(content []byte, memory int64) (pictures [][]byte, err error) {
	config, format, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	pixels := int64(config.Width) * int64(config.Height)
	if pixels < 1 || pixels > maxPixels || config.Width > maxPixels || config.Height > maxPixels {
		return nil, fmt.Errorf("it has %d x %d pixels, at most %d in all are allowed", config.Width, config.Height, maxPixels)
	}
	if need := pixels * bytesPerPixel(content, config, format); need > memory {
		return nil, fmt.Errorf("it has %d x %d pixels and takes up to %d MB, but only %d are allowed: a third of GOMEMLIMIT, or 256", config.Width, config.Height, need>>20, memory>>20)
	}
	defer func() { // a fault of a decoder is no reason to end the shop
		if p := recover(); p != nil {
			pictures, err = nil, fmt.Errorf("decode: %v", p)
		}
	}()
	whole, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	for _, width := range Widths() {
		var to bytes.Buffer
		if err := jpeg.Encode(&to, fit(whole, width), &jpeg.Options{Quality: quality}); err != nil {
			return nil, err
		}
		pictures = append(pictures, to.Bytes())
	}
	return pictures, nil
}

// bytesPerPixel bounds what decoding takes.
func bytesPerPixel(content []byte, config image.Config, format string) int64 {
	switch {
	case format == "jpeg" && progressive(content):
		return 15 // three channels, and four bytes for each coefficient
	case format == "jpeg":
		return 4
	case config.ColorModel == color.RGBA64Model || config.ColorModel == color.NRGBA64Model || format == "webp":
		return 8
	}
	return 4
}

// progressive reports whether a JPEG is decoded in several passes over the whole picture.
func progressive(content []byte) bool {
	for at := 2; at+4 <= len(content) && content[at] == 0xff; {
		switch content[at+1] {
		case 0xff: // a filling byte
			at++
			continue
		case 0xc2:
			return true
		case 0xc0, 0xc1, 0xda:
			return false
		}
		at += 2 + int(content[at+2])<<8 + int(content[at+3])
	}
	return true // not understood: assume the worst
}

// fit returns a picture that is at most so wide and twice as high, on white.
func fit(from image.Image, width int) image.Image {
	for {
		size := from.Bounds().Size()
		ratio := min(1, float64(width)/float64(size.X), 2*float64(width)/float64(size.Y))
		next := image.Pt(max(1, int(float64(size.X)*ratio+0.5)), max(1, int(float64(size.Y)*ratio+0.5)))
		// The filter averages two pixels at most, so no step is more than one half.
		half := image.Pt((size.X+1)/2, (size.Y+1)/2)
		last := next.X >= half.X && next.Y >= half.Y
		if !last {
			next = image.Pt(max(next.X, half.X), max(next.Y, half.Y))
		}
		to := image.NewRGBA(image.Rectangle{Max: next})
		draw.Draw(to, to.Bounds(), image.White, image.Point{}, draw.Src)
		draw.CatmullRom.Scale(to, to.Bounds(), from, from.Bounds(), draw.Over, nil)
		if last {
			return to
		}
		from = to
	}
}
