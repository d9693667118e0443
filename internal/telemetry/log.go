package telemetry

import (
	"io"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newLogger returns a logger of JSON lines. V(0) is for operators ("info"), V(1)
// and above for developers ("debug").
func newLogger(level string, out io.Writer, service, instance string) logr.Logger {
	enc := zap.NewProductionEncoderConfig()
	enc.TimeKey = "time"
	enc.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	enc.EncodeDuration = zapcore.StringDurationEncoder
	lowest := map[string]zapcore.Level{"debug": zapcore.Level(-4), "info": zapcore.InfoLevel, "error": zapcore.ErrorLevel}[level]
	core := zapcore.NewCore(zapcore.NewJSONEncoder(enc), zapcore.Lock(zapcore.AddSync(out)), lowest)
	log := zap.New(core).With(zap.String("service", service), zap.String("instance", instance))
	return zapr.NewLogger(log)
}
