package shadow

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// places are the settings of mm_cfg that say where runners write, and their places below a VAR_PREFIX. Settings that
// end in QUEUE_DIR are added. Everything else (programs, templates, catalogs, site passwords) is only read, and stays
// the site's.
var places = map[string]string{
	"VAR_PREFIX": ".", "LIST_DATA_DIR": "lists", "LOG_DIR": "logs", "LOCK_DIR": "locks", "DATA_DIR": "data",
	"QUEUE_DIR": "qfiles", "SPAM_DIR": "spam", "MAILDIR_DIR": "qfiles/maildir", "CONFIG_DIR": "data", "PIDFILE": "data/master-qrunner.pid",
	"PUBLIC_ARCHIVE_FILE_DIR": "archives/public", "PRIVATE_ARCHIVE_FILE_DIR": "archives/private",
}

// redirected returns the site with all directories that runners write to moved below dir, and the settings that do so.
func redirected(s *site.Site, dir string) (*site.Site, map[string]string, error) {
	// Every setting that names a directory to write to, the queues among them.
	moved := map[string]string{}
	for name, v := range s.Profile.Settings {
		old, ok := v.Value.(pickle.Str)
		if !ok || !strings.HasPrefix(string(old), "/") {
			continue
		}

		to, ok := places[name]
		if !ok && strings.HasSuffix(name, "QUEUE_DIR") {
			to = filepath.Join("qfiles", filepath.Base(string(old)))
		} else if !ok {
			continue
		}

		moved[name] = filepath.Join(dir, to)
	}

	// Without a replacement for one of these, a runner would change the real site.
	for _, name := range []string{"LIST_DATA_DIR", "LOG_DIR", "LOCK_DIR", "DATA_DIR", "QUEUE_DIR"} {
		if moved[name] == "" {
			return nil, nil, fmt.Errorf("%s: %s names no directory, need one to replace", s.Prefix, name)
		}
	}

	// A copy of the profile: the site itself stays as it is.
	p := *s.Profile
	p.Settings = maps.Clone(p.Settings)
	for name, to := range moved {
		p.Settings[name] = site.Setting{Value: pickle.Str(to)}
	}
	c := *s
	c.Profile = &p

	return &c, moved, nil
}

// makeDirs makes the directories of a private site.
func makeDirs(moved map[string]string) error {
	for name, dir := range moved {
		if name == "PIDFILE" {
			continue
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}

	return nil
}
