package maillist

import (
	"os"
	"path/filepath"

	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// configs are the files that prove a list, in the order they are tried.
var configs = [...]string{"config.pck", "config.pck.last", "config.db", "config.db.last"}

// Exists tells whether there is a list of that name (Utils.list_exists). A name
// that could leave the directory of lists is reported to the "mischief" log,
// by releases that do, and does not exist. log may be nil.
func Exists(s *site.Site, name string, log mlog.Logger) bool {
	panic("not yet")
}

// ListNames returns the names of all lists, in the order of the directory
// (Site.get_listnames).
func ListNames(s *site.Site, log mlog.Logger) ([]string, error) {
	panic("not yet")
}

func anyConfig(dir string) bool {
	for _, name := range configs {
		// os.path.exists takes any error for a no.
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}
