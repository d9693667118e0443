// Package e2e tests the chart and its images on the cluster of $KUBECONFIG, with
// kubectl and helm as an operator would. It contains only tests, behind the build
// tag e2e; make e2e builds and loads the images they need.
//
// A test knows what runs in the cluster by the chart, the ports and the logs, and
// imports no package of either service. It waits for what it has to see and not
// for a time: a load runs until its drill has seen everything, and every wait has a
// bound, which the failure names.
package e2e
