package site

import (
	"strings"

	"github.com/mmrunner/mmrunner/pickle"
)

// At returns the same installation with other state. Every setting that leads below VAR_PREFIX, or to a queue, list,
// lock, log or data directory, leads to the same place below dir instead. Programs, templates and catalogs stay.
func (s *Site) At(dir string) *Site {
	c, p := *s, *s.Profile
	p.Settings = map[string]Setting{}

	// Longer paths first, since one directory may be inside another.
	from := []string{"QUEUE_DIR", "LIST_DATA_DIR", "LOCK_DIR", "LOG_DIR", "DATA_DIR", "VAR_PREFIX"}
	to := []string{"qfiles", "lists", "locks", "logs", "data", ""}
	for name, v := range s.Profile.Settings {
		if text, ok := v.Value.(pickle.Str); ok && movable(name) {
			for i, root := range from {
				if rest, ok := below(string(text), s.Str(root)); ok {
					v.Value = pickle.Str(strings.TrimRight(dir+"/"+to[i], "/") + rest)
					break
				}
			}
		}

		p.Settings[name] = v
	}

	c.Profile = &p
	return &c
}

// movable tells settings that name state from settings that name programs and texts. Where VAR_PREFIX is PREFIX, the
// latter are below it too.
func movable(name string) bool {
	if strings.HasPrefix(name, "_") {
		return false // Python's own
	}

	switch name {
	case "PREFIX", "EXEC_PREFIX", "BIN_DIR", "SCRIPTS_DIR", "WRAPPER_DIR", "CGI_DIR", "CRON_DIR", "TEMPLATE_DIR",
		"MESSAGES_DIR", "PYTHON", "ICON_DIR", "SENDMAIL_CMD":
		return false
	}

	return true
}

// below returns the rest of a path below root.
func below(path, root string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, strings.TrimRight(root, "/"))
	return rest, ok && root != "" && (rest == "" || rest[0] == '/')
}
