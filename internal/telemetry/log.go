package telemetry

import (
	"io"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger returns a logger of lines in the form and of the levels that cfg says. V(0) is for operators ("info"), V(1)
// and above for developers ("debug").
func newLogger(cfg Config, out io.Writer, service, instance string) logr.Logger {
	enc := zap.NewProductionEncoderConfig()
	enc.TimeKey = "time"
	enc.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	enc.EncodeDuration = zapcore.StringDurationEncoder
	lowest := map[string]zapcore.Level{
		"debug": zapcore.Level(-4), "info": zapcore.InfoLevel, "warn": zapcore.WarnLevel, "error": zapcore.ErrorLevel,
	}[cfg.LogLevel]
	encoder := zapcore.NewJSONEncoder(enc)
	if cfg.LogFormat == "text" {
		encoder = zapcore.NewConsoleEncoder(enc)
	}
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(out)), lowest)
	log := zap.New(core).With(zap.String("service", service), zap.String("instance", instance))
	return zapr.NewLogger(log)
}

// Warn logs what an operator should look at. logr has no such level; a logger that is not
// from this package gets the line as information.
func Warn(log logr.Logger, msg string, keysAndValues ...any) {
	if z, ok := log.GetSink().(zapr.Underlier); ok {
		z.GetUnderlying().Sugar().Warnw(msg, keysAndValues...)
		return
	}
	log.Info(msg, keysAndValues...)
}

// sdkLog gives messages of OpenTelemetry's SDK their level: it logs warnings at V(1),
// information at V(4) and details at V(8).
type sdkLog struct {
	logr.LogSink

	most int // verbosity; -1 for errors alone, -2 for nothing
}

func (s sdkLog) Enabled(level int) bool { return level <= s.most }

func (s sdkLog) Info(level int, msg string, keysAndValues ...any) {
	// The sink itself: logr.New would change it, while others log.
	z, ok := s.LogSink.(zapr.Underlier)
	switch {
	case level <= 1 && ok:
		z.GetUnderlying().Sugar().Warnw(msg, keysAndValues...)
	case level <= 4:
		s.LogSink.Info(0, msg, keysAndValues...)
	case s.LogSink.Enabled(1):
		s.LogSink.Info(1, msg, keysAndValues...)
	}
}

func (s sdkLog) Error(err error, msg string, keysAndValues ...any) {
	if s.most >= -1 {
		s.LogSink.Error(err, msg, keysAndValues...)
	}
}

func (s sdkLog) WithValues(keysAndValues ...any) logr.LogSink {
	return sdkLog{s.LogSink.WithValues(keysAndValues...), s.most}
}

func (s sdkLog) WithName(name string) logr.LogSink { return sdkLog{s.LogSink.WithName(name), s.most} }
