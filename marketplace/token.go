package main

import (
	"fmt"

	"bookstall/internal/config"
	"bookstall/marketplace/internal/apitoken"
)

// token is the command that makes a token for the JSON API.
type token struct {
	Name   string           `arg:"" help:"Name of the token, for logs."`
	Scope  []apitoken.Scope `env:"-" help:"What the token is for: read, write and forget, with commas between them." default:"read" enum:"read,write,forget"`
	Reader int64            `env:"-" help:"The only reader that the token is for; 0 for all." default:"0"`
}

// Run makes the token.
func (t token) Run(to config.Streams) error {
	secret, line, err := apitoken.New(apitoken.Grant{Name: t.Name, Scopes: t.Scope, Reader: t.Reader})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to.Out, "token: %s\nline:  %s\n", secret, line)
	return err
}
