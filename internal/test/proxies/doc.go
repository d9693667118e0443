// Package proxies tests the built programs behind Debian's nginx and HAProxy, with the
// configurations that docs/proxies.md gives.
package proxies
