// Package e2e tests the chart with its images on the cluster of $KUBECONFIG, by
// kubectl and helm as an operator would. It has tests only, behind the build
// tag e2e: make e2e builds and loads what they need.
//
// It must not import a package of either service: what the cluster runs is known
// by the chart, the ports and the logs alone.
package e2e
