package status

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/qrunner"
)

// spec is a runner that a command line names.
type spec struct{ runner, slice string }

// whole is the slice of a runner without other slices.
const whole = "0/1"

// specs returns the runners that a command line names on this site: the runners of bin/qrunner, whichever program
// gets the script's name as an argument, and those of mmrunner's own commands.
func (l *looker) specs(p *Process, args []string) []spec {
	if i := l.script(p, args); i > 0 {
		return l.asked(args[i+1:])
	}
	if !p.Mmrunner || len(args) < 2 {
		return nil
	}

	prefix, rest := prefixOf(args[1:])
	if len(rest) == 0 || !slices.Contains([]string{"run", "drain", "qrunner"}, rest[0]) || !l.here(p, prefix) {
		return nil
	}

	if rest[0] == "qrunner" {
		return l.asked(rest[1:])
	}
	return named(rest[1:])
}

// script returns where bin/qrunner of this site is in a command line, or 0. A process that mailmanctl has started
// belongs to this site, whatever name its script has.
func (l *looker) script(p *Process, args []string) int {
	want := filepath.Join(l.site.Str("BIN_DIR"), "qrunner")
	for i, a := range args {
		if i == 0 || filepath.Base(a) != "qrunner" || !strings.ContainsRune(a, '/') && l.st.Master.Process == nil {
			continue
		}
		if m := l.st.Master.Process; m != nil && p.parent == m.PID {
			return i
		}

		if !filepath.IsAbs(a) {
			cwd, err := l.proc.Dir(p.PID)
			if err != nil || cwd == "" {
				continue
			}
			a = filepath.Join(cwd, a)
		}

		if filepath.Clean(a) == want || sameFile(a, want) {
			return i
		}
	}

	return 0
}

// sameFile tells whether two paths lead to one file: distributions link PREFIX and VAR_PREFIX together.
func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// asked returns the runners that bin/qrunner's arguments name.
func (l *looker) asked(args []string) []spec {
	o, err := qrunner.Parse(args)
	if err != nil {
		return nil
	}

	var all []spec
	for _, s := range qrunner.Expand(o.Runners, l.site) {
		slice := fmt.Sprintf("%d/%d", s.Slice, s.Slices)
		if s.Slices == 1 {
			slice = whole // bin/qrunner's default is 1 of 1
		}
		all = append(all, spec{s.Name, slice})
	}

	return all
}

// here tells whether a process of mmrunner works on this site: its --prefix or its environment says so, or else the
// site is the one that mmrunner finds by itself.
func (l *looker) here(p *Process, prefix string) bool {
	if prefix == "" {
		env, err := l.proc.Environ(p.PID)
		if errors.Is(err, fs.ErrPermission) {
			// A runner of this site is Mailman's user's.
			if uid, err := l.proc.User(p.PID); err == nil && uid != os.Geteuid() && qrunner.CheckUser(l.site) == nil {
				return false
			}
			l.st.Blind = true
			l.note(fmt.Sprintf("the installation that mmrunner works on as process %d: %v", p.PID, err))
			return false
		}

		for _, line := range env {
			if v, ok := strings.CutPrefix(line, "MAILMAN_PREFIX="); ok {
				prefix = v
			}
		}
	}

	if prefix == "" {
		prefix = site.Usual()
	}
	return filepath.Clean(prefix) == l.site.Prefix || sameFile(prefix, l.site.Prefix)
}

// prefixOf takes --prefix out of mmrunner's arguments.
func prefixOf(args []string) (prefix string, rest []string) {
	for i := 0; i < len(args); i++ {
		if v, ok := strings.CutPrefix(args[i], "--prefix="); ok {
			prefix = v
		} else if args[i] == "--prefix" && i+1 < len(args) {
			i++
			prefix = args[i]
		} else {
			rest = append(rest, args[i])
		}
	}

	return prefix, rest
}

// named returns the runners that the arguments of mmrunner run and drain name. No name means all runners.
func named(args []string) []spec {
	slice := whole
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--slice="); ok {
			slice = v
		} else if a == "--slice" && i+1 < len(args) {
			slice = args[i+1]
		}
	}

	var all []spec
	for _, a := range args {
		if name := strings.TrimSuffix(a, "Runner") + "Runner"; runner.Known(name) {
			all = append(all, spec{name, slice})
		}
	}

	if all == nil {
		for _, name := range runner.Names() {
			all = append(all, spec{name, slice})
		}
	}

	return all
}
