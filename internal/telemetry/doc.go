// Package telemetry sets up what both services observe themselves with: JSON
// logs (logr over zap), one Prometheus registry, OpenTelemetry traces, and the
// request id that ties them together.
//
// Both programs and their edge packages (rpc, web) import it. It must not
// import gRPC servers or clients of this project, HTTP handlers, or any domain
// package.
package telemetry
