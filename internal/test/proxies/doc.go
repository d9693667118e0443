// Package proxies tests the built programs behind Debian's nginx, HAProxy and Caddy, with the
// configurations that docs/proxies.md gives.
package proxies
