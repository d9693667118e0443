// Command release makes a release of a tag, publishes it to a registry, and verifies one by
// building it again. docs/release.md describes what a release consists of.
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
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// options are the command-line options of both commands.
type options struct {
	root     string // the repository
	folder   string // of the release
	registry string
	key      string // file
	unsigned bool
	builder  string
}

func parse(args []string, stderr io.Writer) (command string, o options, err error) {
	if len(args) > 0 {
		command = args[0]
	}
	if command != "publish" && command != "verify" {
		return "", options{}, errors.New("want a command, publish or verify; its -h lists its flags")
	}
	f := flag.NewFlagSet("release "+command, flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.root, "root", "..", "`folder` of the repository, a checkout of the tag")
	if command == "publish" {
		f.StringVar(&o.folder, "o", "bin/release", "`folder` to write the release to, relative to the repository")
		f.StringVar(&o.registry, "registry", "", "registry, with or without a path, to publish to; empty to write the folder only")
		f.StringVar(&o.key, "key", "", "`file` with an ECDSA P-256 key that signs, PEM; empty for no signatures")
		f.StringVar(&o.builder, "builder", "urn:bookstall:builder:make-release", "`URI` of who builds, for the provenance")
	} else {
		f.StringVar(&o.folder, "from", "bin/release", "`folder` of the release, relative to the repository; used without -registry")
		f.StringVar(&o.registry, "registry", "", "registry, with or without a path, that has the release")
		f.StringVar(&o.key, "key", "", "`file` with the public key of the signatures, PEM")
		f.BoolVar(&o.unsigned, "unsigned", false, "do not check signatures")
		f.StringVar(&o.builder, "builder", "", "`URI` that the provenance must name as the builder; empty for any")
	}
	if err := f.Parse(args[1:]); err != nil {
		return "", options{}, err
	}
	if f.NArg() > 0 {
		return "", options{}, fmt.Errorf("unknown argument %q", f.Arg(0))
	}
	if command == "verify" && (o.key == "") != o.unsigned {
		return "", options{}, errors.New("want -key FILE, the public key of the signatures, or else -unsigned")
	}
	if !filepath.IsAbs(o.folder) {
		o.folder = filepath.Join(o.root, o.folder)
	}
	o.folder, err = filepath.Abs(o.folder)
	return command, o, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	command, o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	s, err := readSource(ctx, o.root)
	if err != nil {
		return err
	}
	if command == "publish" {
		return publish(ctx, s, o, stdout)
	}
	return verify(ctx, s, o, stdout)
}

// publish makes the release and, if there is a registry, pushes it.
func publish(ctx context.Context, s source, o options, stdout io.Writer) error {
	if o.registry != "" {
		// Building takes minutes: better not for a registry that does not answer.
		if _, _, err := published(ctx, o.registry, chart, s.version); err != nil {
			return err
		}
	}
	r := release{source: s, builder: o.builder}
	if o.key != "" {
		key, err := readPrivateKey(o.key)
		if err != nil {
			return err
		}
		r.key = key
	}
	if err := r.write(ctx, o.folder); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "release %s of commit %s in %s\n", s.version, s.revision, o.folder)
	if o.registry == "" {
		return nil
	}
	return push(ctx, o.folder, o.registry, s.version, stdout)
}

// verify builds the release again and compares the two.
func verify(ctx context.Context, s source, o options, stdout io.Writer) error {
	v := verification{version: s.version, got: o.folder, files: true}
	if !o.unsigned {
		key, err := readPublicKey(o.key)
		if err != nil {
			return err
		}
		v.key = key
	}
	tmp, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }() // the system cleans up what is left
	if o.registry != "" {
		v.got, v.files = filepath.Join(tmp, "published"), false
		if err := pull(ctx, o.registry, s.version, v.got); err != nil {
			return err
		}
	}
	// What is read before the comparison only makes its message clear, or is compared later.
	p, err := readProvenance(v.got, s.version)
	if err != nil {
		return err
	}
	if got, want := p.goVersion(), goVersion(); got != want {
		return fmt.Errorf("the release was built with %s, and this is %s: set GOTOOLCHAIN=%s", got, want, got)
	}
	if got := p.builder(); o.builder != "" && got != o.builder {
		return fmt.Errorf("the release was built by %s, want %s", got, o.builder)
	}
	v.want = filepath.Join(tmp, "rebuilt")
	if err := (release{source: s, builder: p.builder()}).write(ctx, v.want); err != nil {
		return err
	}
	err = v.check(stdout)
	if o.registry != "" && v.key != nil {
		err = errors.Join(err, v.checkTags(ctx, o.registry))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "release %s is what commit %s builds; built by %s\n", s.version, s.revision, p.builder())
	return nil
}
