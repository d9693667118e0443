// Package deploy holds the files that deploy Bookstall to what they speak of:
// skaffold.yaml, deploy/kind.yaml, deploy/compose.yaml, deploy/Dockerfile and
// .ko.yaml. The tools that read them need a registry, a cluster or a daemon; these
// tests need none. It has no code of its own, and must not be imported.
package deploy
