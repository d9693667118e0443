package telemetry

import (
	"context"
	"log/slog"

	"github.com/go-logr/logr"
)

// Slog returns log for packages that take log/slog.
func Slog(log logr.Logger) *slog.Logger {
	return slog.New(withoutCaller{logr.ToSlogHandler(log)})
}

// withoutCaller drops the place in the code, which other log lines do not have either.
type withoutCaller struct{ slog.Handler }

func (h withoutCaller) Handle(ctx context.Context, r slog.Record) error {
	r.PC = 0
	return h.Handler.Handle(ctx, r)
}

func (h withoutCaller) WithAttrs(attrs []slog.Attr) slog.Handler {
	return withoutCaller{h.Handler.WithAttrs(attrs)}
}

func (h withoutCaller) WithGroup(name string) slog.Handler {
	return withoutCaller{h.Handler.WithGroup(name)}
}
