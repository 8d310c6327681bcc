package main

import (
	"io"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// With --ignore-changes a runner's handler does its work without the site's changes too.
func TestIgnoredChangesAreNoLongerSeen(t *testing.T) {
	const module = "Handlers/CookHeaders"
	s := site.FromProfile(t.TempDir(), site.Builtin())
	s.Profile.Custom = []string{module}
	s.Profile.Modules = map[string]site.Module{module: {Code: "0"}}
	if had := s.Changed([]string{module}); had != module {
		t.Fatalf("got %q changed, need %s", had, module)
	}

	kept, err := withoutChanged(io.Discard, s, []string{"VirginRunner"}, true, true)
	if err != nil || len(kept) != 1 {
		t.Errorf("got %v, %v; need VirginRunner kept", kept, err)
	}
	if had := s.Changed([]string{module}); had != "" {
		t.Errorf("got %q changed still, need it ignored", had)
	}
}
