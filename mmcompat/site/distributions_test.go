package site

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// distribution is where a package of Mailman 2.1 puts things. Paths are below a
// root of the test's own; settings are those that its patches put into Defaults.py.
type distribution struct {
	prefix   string
	settings map[string]string
	links    map[string]string // link: where it leads
}

// As their packages have them, links included: Debian 10, RHEL 8 and its kin
// (Plesk uses the distribution's own), Gentoo with a 64-bit library directory,
// FreeBSD's port, cPanel.
var distributions = map[string]distribution{
	"Debian": {
		prefix:   "/usr/lib/mailman",
		settings: map[string]string{"VAR_PREFIX": "/var/lib/mailman", "PIDFILE": "/var/run/mailman/mailman.pid"},
		links: map[string]string{
			"/usr/lib/mailman/Mailman/mm_cfg.py": "/etc/mailman/mm_cfg.py",
			"/var/lib/mailman/logs":              "/var/log/mailman",
			"/var/lib/mailman/locks":             "/var/lock/mailman",
			"/var/lib/mailman/Mailman":           "/usr/lib/mailman/Mailman",
			"/var/lib/mailman/bin":               "/usr/lib/mailman/bin",
		},
	},
	"RHEL": {
		prefix: "/usr/lib/mailman",
		settings: map[string]string{"VAR_PREFIX": "/var/lib/mailman", "LOG_DIR": "/var/log/mailman", "LOCK_DIR": "/var/lock/mailman",
			"QUEUE_DIR": "/var/spool/mailman", "PIDFILE": "/run/mailman/master-qrunner.pid"},
		links: map[string]string{
			"/usr/lib/mailman/Mailman/mm_cfg.py": "/etc/mailman/mm_cfg.py",
			"/usr/lib/mailman/templates":         "/etc/mailman/templates",
		},
	},
	"Gentoo": {
		prefix:   "/usr/lib64/mailman",
		settings: map[string]string{"VAR_PREFIX": "/var/lib/mailman"},
		links:    map[string]string{"/usr/lib64/mailman/Mailman/mm_cfg.py": "/etc/mailman/mm_cfg.py"},
	},
	"FreeBSD": {prefix: "/usr/local/mailman"},
	"cPanel": {
		prefix: "/usr/local/cpanel/3rdparty/mailman",
		links:  map[string]string{"/usr/local/cpanel/3rdparty/mailman/logs": "/var/log/mailman"},
	},
}

// Each distribution's Mailman is found where its package puts it, through the
// package's links, and a changed mm_cfg.py is noticed behind its link.
func TestDistributions(t *testing.T) {
	mmtest.Python(t)
	for name, d := range distributions {
		t.Run(name, func(t *testing.T) {
			root, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}

			prefix := d.build(t, root)

			// It is among the places that are looked at.
			t.Setenv("MAILMAN_PREFIX", "")
			defer func(places []string) { usualPlaces = places }(usualPlaces)
			below := make([]string, len(usualPlaces))
			for i, place := range usualPlaces {
				below[i] = filepath.Join(root, place)
			}
			usualPlaces = below

			if got, err := Find(""); err != nil || got != prefix {
				t.Fatalf("found %q, %v; want %s", got, err, prefix)
			}

			s := open(t, prefix)
			for setting, want := range d.settings {
				if got := s.Str(setting); got != filepath.Join(root, want) {
					t.Errorf("%s is %q, want %s", setting, got, filepath.Join(root, want))
				}
			}

			config, err := filepath.EvalSymlinks(filepath.Join(prefix, "Mailman", "mm_cfg.py"))
			if err != nil {
				t.Fatal(err)
			}

			appendTo(t, config, "REGISTER_BOUNCES_EVERY = 4242\n")
			if got := open(t, prefix).Int("REGISTER_BOUNCES_EVERY"); got != 4242 {
				t.Errorf("REGISTER_BOUNCES_EVERY is %d after mm_cfg.py was changed, want 4242", got)
			}
		})
	}
}

// build makes the distribution's tree and returns its prefix.
func (d distribution) build(t *testing.T, root string) (prefix string) {
	t.Helper()
	prefix = filepath.Join(root, d.prefix)
	mmtest.CloneTo(t, prefix)

	var lines strings.Builder
	for setting, value := range d.settings {
		at := filepath.Join(root, value)
		dir := at

		if setting == "PIDFILE" {
			dir = filepath.Dir(at)
		}

		mkdirs(t, dir, filepath.Join(dir, "data"), filepath.Join(dir, "lists"))
		fmt.Fprintf(&lines, "%s = %q\n", setting, at)
	}

	if v, ok := d.settings["VAR_PREFIX"]; ok {
		// What Defaults.py makes of VAR_PREFIX was worked out before this line.
		for setting, sub := range map[string]string{"LIST_DATA_DIR": "lists", "DATA_DIR": "data", "LOG_DIR": "logs", "LOCK_DIR": "locks", "QUEUE_DIR": "qfiles"} {
			if _, ok := d.settings[setting]; !ok {
				fmt.Fprintf(&lines, "%s = %q\n", setting, filepath.Join(root, v, sub))
			}
		}
	}

	appendTo(t, filepath.Join(prefix, "Mailman", "Defaults.py"), lines.String())

	for link, to := range d.links {
		link, to = filepath.Join(root, link), filepath.Join(root, to)
		mkdirs(t, filepath.Dir(link), filepath.Dir(to))

		if _, err := os.Lstat(link); err == nil {
			if err := os.Rename(link, to); err != nil {
				t.Fatal(err)
			}
		} else {
			mkdirs(t, to)
		}

		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}

	return prefix
}

func mkdirs(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.MkdirAll(dir, 0o775); err != nil {
			t.Fatal(err)
		}
	}
}

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}
