package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// watchSite opens the installation for a command that only looks at it: not even the profile is written down, and an
// installation whose settings cannot be asked for is looked at as far as Mailman's defaults say where.
func watchSite(cmd *cobra.Command) (*site.Site, error) {
	return site.Open(prefixFlag, site.Options{
		Watch: true,
		Warn:  func(m string) { fmt.Fprintln(cmd.ErrOrStderr(), "mmrunner: "+m) },
	})
}
