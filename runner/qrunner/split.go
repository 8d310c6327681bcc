package qrunner

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
)

// Expand puts the entries of mm_cfg.QRUNNERS in the place of All.
func Expand(specs []Spec, s *site.Site) []Spec {
	var all []Spec
	for _, spec := range specs {
		if spec.Name != All {
			all = append(all, spec)
			continue
		}

		for _, name := range names(s) {
			if name == LMTP {
				// A server of its own, which is no runner of entries.
				continue
			}
			all = append(all, Spec{Name: name, Slice: spec.Slice, Slices: spec.Slices})
		}
	}

	return all
}

// names are the class names in mm_cfg.QRUNNERS.
func names(s *site.Site) []string {
	v, _ := s.Value("QRUNNERS")
	list, ok := v.(*pickle.List)
	if !ok {
		return runner.Names()
	}

	var names []string
	for _, item := range list.Items {
		if t, ok := item.(*pickle.Tuple); ok && len(t.Items) > 0 {
			if name, ok := t.Items[0].(pickle.Str); ok {
				names = append(names, string(name))
			}
		}
	}

	return names
}

// LMTP is the name in QRUNNERS of mmrunner's LMTP server, which has no queue of its own.
// Mailman itself has no such runner.
const LMTP = "LMTPRunner"

// Outgoing tells whether mmrunner is to be a site's OutgoingRunner too.
func Outgoing(s *site.Site) bool { return s.Bool("MMRUNNER_OUTGOING") }

// Takes tells whether mmrunner, started by mailmanctl, takes the place of a runner of that class name on a site.
func Takes(s *site.Site, name string) bool {
	ours, _ := Split([]Spec{{Name: name, Slices: 1}}, Outgoing(s))
	return len(ours) > 0 && (s.Bool(site.IgnoreChanges) || s.Profile.WithoutEffectText(name) == "")
}

// Split returns the runners that mmrunner takes the place of, and the others. It takes the place of OutgoingRunner
// where the site says so.
func Split(specs []Spec, outgoing bool) (ours, others []Spec) {
	for _, spec := range specs {
		if runner.Known(spec.Name) && (outgoing || spec.Name != runner.Outgoing.Name) {
			ours = append(ours, spec)
		} else {
			others = append(others, spec)
		}
	}
	return ours, others
}

// Args is the command line that asks bin/qrunner for those runners, with the
// options of o.
func (o Options) Args(runners []Spec) []string {
	var args []string
	for _, spec := range runners {
		args = append(args, "--runner="+spec.String())
	}

	for _, f := range []struct {
		set  bool
		name string
	}{{o.Once, "--once"}, {o.Verbose, "--verbose"}, {o.Subproc, "--subproc"}, {o.List, "--list"}, {o.Help, "--help"}} {
		if f.set {
			args = append(args, f.name)
		}
	}

	return args
}

// Configured tells whether mailmanctl starts a runner of that class name.
func Configured(s *site.Site, name string) bool { return slices.Contains(names(s), name) }

// ParseSlice reads N/M, slice N of M, counted from 0.
func ParseSlice(text string) (n, of int, err error) {
	a, b, ok := strings.Cut(text, "/")
	n, err1 := strconv.Atoi(a)
	of, err2 := strconv.Atoi(b)
	if !ok || err1 != nil || err2 != nil || n < 0 || n >= of {
		return 0, 0, fmt.Errorf("got slice %q, need N/M with N from 0 and below M", text)
	}
	return n, of, nil
}
