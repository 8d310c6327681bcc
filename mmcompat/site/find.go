package site

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// usualPlaces has the prefixes of source installations and FreeBSD's port, of Debian, RHEL and Plesk, of Gentoo, and
// of cPanel.
var usualPlaces = []string{"/usr/local/mailman", "/usr/lib/mailman", "/usr/lib64/mailman", "/usr/local/cpanel/3rdparty/mailman"}

// Find returns the prefix of the installation: explicit if it is not empty, else $MAILMAN_PREFIX, else the first
// usual place that holds a Mailman. The error lists the places that were tried.
func Find(explicit string) (prefix string, err error) {
	places, named := usualPlaces, false
	if explicit != "" {
		places, named = []string{explicit}, true
	} else if env := os.Getenv("MAILMAN_PREFIX"); env != "" {
		places, named = []string{env}, true
	}

	if p := firstOf(places); p != "" {
		return filepath.Abs(p)
	}

	hint := "name its directory with --prefix or $MAILMAN_PREFIX"
	if named {
		hint = "need a directory with Mailman's bin/qrunner"
	}

	return "", fmt.Errorf("no Mailman in %s; %s", strings.Join(places, ", "), hint)
}

// Usual returns the prefix that Find finds where neither the user nor the environment names one, or "".
func Usual() string { return firstOf(usualPlaces) }

// firstOf returns the first directory that holds a Mailman, or "".
func firstOf(places []string) string {
	for _, p := range places {
		if _, err := os.Stat(filepath.Join(p, "bin", "qrunner")); err == nil {
			return p
		}
	}
	return ""
}
