// Package telemetry sets up logs, metrics and traces for both programs: JSON logs (logr
// over zap), one Prometheus registry, OpenTelemetry traces, and the request id that
// connects log lines of one request.
package telemetry
