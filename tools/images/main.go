// Command images builds the container images of the services (package image). It writes
// archives for `docker load`, `kind load image-archive` and containerd, an SBOM for each,
// and optionally OCI layouts for all platforms.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"text/tabwriter"
	"time"

	"bookstall/tools/internal/image"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

// options are the command-line options.
type options struct {
	root     string // the repository
	out      string
	platform string
	layouts  bool
	prefix   string
	tag      string
	revision string
	programs []string
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("images", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Usage = func() {
		fmt.Fprintln(stderr, "usage: go run -C tools ./images -o DIR [flags] [program]...")
		f.PrintDefaults()
	}
	f.StringVar(&o.root, "root", "..", "`folder` of the repository")
	f.StringVar(&o.out, "o", "", "`folder` to write to, relative to the repository")
	f.StringVar(&o.platform, "platform", "linux/"+runtime.GOARCH, "platform of the archives")
	f.BoolVar(&o.layouts, "oci", false, "also write OCI layouts for all platforms")
	f.StringVar(&o.prefix, "prefix", "bookstall", "prefix of the image names")
	f.StringVar(&o.tag, "tag", "dev", "tag of the images, and the version that they report")
	f.StringVar(&o.revision, "revision", "", "commit that the images report")
	if err := f.Parse(args); err != nil {
		return options{}, err
	}
	o.programs = f.Args()
	if o.out == "" {
		return options{}, errors.New("-o is not set")
	}
	return o, nil
}

// run builds the images and prints a table of them.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	created, err := epoch(os.Getenv("SOURCE_DATE_EPOCH"))
	if err != nil {
		return err
	}
	r, err := image.ReadRecipe(o.root)
	if err != nil {
		return err
	}
	programs, err := r.Choose(o.programs)
	if err != nil {
		return err
	}
	if _, err := r.Platform(o.platform); err != nil {
		return err
	}
	out := o.out
	if !filepath.IsAbs(out) {
		out = filepath.Join(o.root, out)
	}
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // readable by everyone
		return err
	}

	platforms := []string{o.platform}
	if o.layouts {
		platforms = r.Platforms
	}

	b := image.Builder{Root: o.root, Recipe: r, Prefix: o.prefix, Version: o.tag, Revision: o.revision, Created: created}
	t := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "IMAGE\tPLATFORM\tCOMPRESSED\tDIGEST\tFILE")
	for _, p := range programs {
		images, err := b.Images(ctx, p, platforms)
		if err != nil {
			return err
		}
		base, shown := filepath.Join(out, p.ID), filepath.Join(o.out, p.ID)
		for _, img := range images {
			if img.Platform.String() != o.platform {
				continue
			}
			err := errors.Join(img.WriteArchive(base+".tar"), writeSBOM(img, base+".spdx.json"), printRow(t, img, shown+".tar"))
			if err != nil {
				return err
			}
		}
		if !o.layouts {
			continue
		}
		if err := image.WriteLayout(base+".oci", images); err != nil {
			return err
		}
		for _, img := range images {
			sbom := fmt.Sprintf("%s.%s-%s.spdx.json", base, img.Platform.OS, img.Platform.Architecture)
			if err := errors.Join(writeSBOM(img, sbom), printRow(t, img, shown+".oci")); err != nil {
				return err
			}
		}
	}
	return t.Flush()
}

func writeSBOM(img image.Image, file string) error {
	doc, err := img.SBOM()
	if err != nil {
		return err
	}
	text, err := doc.JSON()
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

func printRow(w io.Writer, img image.Image, file string) error {
	n, err := image.Compressed(img)
	if err != nil {
		return err
	}
	digest, err := img.Digest()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\t%s\t%.1f MB\t%s\t%s\n", img.Name, img.Platform, float64(n)/1e6, digest, file)
	return err
}

// epoch returns the creation time of images and SBOMs, from SOURCE_DATE_EPOCH.
func epoch(s string) (time.Time, error) {
	if s == "" {
		return time.Unix(0, 0).UTC(), nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q, want seconds since 1970", s)
	}
	return time.Unix(n, 0).UTC(), nil
}
