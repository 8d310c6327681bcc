package main

import (
	"fmt"
	"os"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// openSite opens the installation that --prefix, the environment or the usual places name, for a command that
// changes its state. An installation whose settings cannot be asked for is refused: Mailman's defaults in their place
// would have its entries answered as another site's.
func openSite() (*site.Site, error) {
	s, err := site.Open(prefixFlag, site.Options{Warn: func(m string) { fmt.Fprintln(os.Stderr, "mmrunner: "+m) }})
	if err != nil {
		return nil, err
	}
	if s.Problem != nil {
		return nil, fmt.Errorf("%s: had no settings (%w), wanted them from Mailman's own Python 2.7; "+
			"name the interpreter in $MAILMAN_PYTHON, and see `mmrunner probe`", s.Prefix, s.Problem)
	}
	return s, nil
}
