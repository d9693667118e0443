// Package compose starts deploy/compose.yaml on a Docker daemon and runs drills under
// load, with docker-compose as an operator would. Its tests have the build tag compose:
// make test-compose builds the images and runs the tests with a daemon of their own
// (tools/docker.sh).
package compose
