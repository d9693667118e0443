// Package compose brings deploy/compose.yaml up on a Docker daemon and puts it
// through drills under load, by docker-compose as an operator would. It has tests
// only, behind the build tag compose: make test-compose makes the images and runs
// the tests beside a daemon of their own (tools/docker.sh).
//
// It must not import a package of either service: what Compose runs is known by
// its ports and its labels alone.
package compose
