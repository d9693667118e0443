// Package deploy tests the files that build and deploy Bookstall: .ko.yaml,
// deploy/Dockerfile, skaffold.yaml, deploy/compose.yaml and deploy/kind.yaml. It
// compares them with the programs, the chart and each other, without the registry,
// cluster or daemon that the tools for these files need.
package deploy
