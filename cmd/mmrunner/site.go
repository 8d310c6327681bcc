package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// installation is the Mailman that a command line names. Each command tree has its own.
type installation struct {
	// prefix is --prefix; "" has site.Find look at $MAILMAN_PREFIX and in the usual places.
	prefix string
}

// open opens the installation for a command that changes its state. An installation whose settings cannot be asked
// for is refused: with Mailman's defaults in their place, its entries would be answered as another site's.
func (in *installation) open(cmd *cobra.Command) (*site.Site, error) {
	s, err := in.site(site.Options{Warn: warn(cmd)})
	if err != nil {
		return nil, err
	}
	if s.Problem != nil {
		return nil, fmt.Errorf("%s: its Python 2.7 does not tell the settings (%w); "+
			"name the interpreter in $MAILMAN_PYTHON, and see `mmrunner probe`", s.Prefix, s.Problem)
	}
	return s, nil
}

// look opens the installation for a command that only looks at it. Nothing is written, not even the profile. An
// installation whose settings cannot be asked for is looked at where Mailman's defaults say that its files are.
func (in *installation) look(cmd *cobra.Command) (*site.Site, error) {
	return in.site(site.Options{
		Watch: true,
		Warn:  warn(cmd),
	})
}

// warn prints a warning where the command's errors go.
func warn(cmd *cobra.Command) func(string) {
	return func(m string) { complain(cmd.ErrOrStderr(), errors.New(m)) }
}
