// Package deploytest holds the files that deploy Bookstall to what they speak of:
// skaffold.yaml, deploy/kind.yaml, deploy/Dockerfile and .ko.yaml. The tools that
// read them need a registry or a cluster; these tests need neither. It has no code
// of its own, and must not be imported.
package deploytest
