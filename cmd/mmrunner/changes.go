package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/qrunner"
)

func ignoreChangesFlag(f *pflag.FlagSet, to *bool) {
	f.BoolVar(to, "ignore-changes", false, "run also those runners whose work in Python this site has changed, without the changes")
}

// withoutChanged leaves out the runners whose modules the site has changed, and says so. The error says that the command
// line names such a runner (byName), or that no runner is left.
func withoutChanged(w io.Writer, s *site.Site, names []string, byName, ignore bool) ([]string, error) {
	var kept []string
	for _, name := range names {
		text := s.Profile.WithoutEffectText(qrunner.ClassName(name))
		switch {
		case text == "":
		case ignore:
			complain(w, fmt.Errorf("%s: %s", name, text))
			s.Profile.Settings[site.IgnoreChanges] = site.Setting{Value: true}
		case byName:
			return nil, fmt.Errorf("%s: %s; leave that runner to Mailman's Python, or give --ignore-changes", name, text)
		default:
			complain(w, fmt.Errorf("%s is left to Mailman's Python: %s", name, text))
			continue
		}

		kept = append(kept, name)
	}

	if len(kept) == 0 {
		return nil, errors.New("no runner is left for mmrunner; --ignore-changes has it run them without this site's changes")
	}

	return kept, nil
}

// leaveChanged moves the runners whose modules the site has changed from ours to others, unless mm_cfg.py says to
// ignore the changes, and calls say with the reason.
func leaveChanged(s *site.Site, ours, others []qrunner.Spec, say func(string)) (_, _ []qrunner.Spec) {
	ignore := s.Bool(site.IgnoreChanges)
	var kept []qrunner.Spec
	for _, spec := range ours {
		text := s.Profile.WithoutEffectText(spec.Name)
		if text == "" || ignore {
			kept = append(kept, spec)
			continue
		}

		say(fmt.Sprintf("%s is left to Mailman's Python: %s; %s = True in mm_cfg.py has mmrunner run it all the same", spec.Name, text, site.IgnoreChanges))
		others = append(others, spec)
	}

	return kept, others
}
