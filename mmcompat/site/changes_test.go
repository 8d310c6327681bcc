package site

import (
	"slices"
	"testing"
)

// A change counts for the runners in which mmrunner does the module's work.
func TestChangesWithoutEffectAreTheRunners(t *testing.T) {
	p := &Profile{Custom: []string{"Bouncer", "Bouncers/Mine", "Commands/cmd_info", "Handlers/Decorate", "Handlers/SMTPDirect", "Queue/VirginRunner"}}
	for runner, want := range map[string][]string{
		"BounceRunner":   {"Bouncer.py"},
		"CommandRunner":  nil,
		"VirginRunner":   {"Queue/VirginRunner.py"},
		"OutgoingRunner": {"Handlers/Decorate.py", "Handlers/SMTPDirect.py"},
		"":               {"Bouncer.py", "Handlers/Decorate.py", "Handlers/SMTPDirect.py", "Queue/VirginRunner.py"},
	} {
		if got := p.WithoutEffect(runner); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, need %q", runner, got, want)
		}
	}

	p.Custom = []string{"Utils"}
	if got := p.WithoutEffect("CommandRunner"); !slices.Equal(got, []string{"Utils.py"}) {
		t.Errorf("a module of all runners: got %q", got)
	}
}
