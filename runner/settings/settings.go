// Package settings reads mmrunner.toml in Mailman's data directory:
// what a site has switched on beyond what Mailman does. Without the file, and for
// whatever it does not name, everything is off and list state is Mailman's to the
// byte.
//
//	beyond-mailman = true            # a second look at bounces that Mailman's modules do not know
//	ignore-nested-reports = true     # no report inside a returned post counts; beyond-mailman implies it
//
//	[events]
//	record = true                    # what commits do, in data/mmrunner-events
//	privacy = "hash"                 # members' addresses: keep, hash or none
//
//	[guard]                          # bounces that would disable more than that are held
//	members = 50                     # members of a list a day
//	percent = 20                     # of the list's members of one domain, a day
//
//	[subscriptions]                  # what asks for more than that is dropped
//	per-address = 5                  # pending subscriptions of an address on a list a day
//	per-domain = 100
//
//	[lists.announce.guard]           # for one list, instead of the above
//	members = 500
package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

// File is the file's name, in the data directory.
const File = "mmrunner.toml"

// Settings are those of the file.
type Settings struct {
	// BeyondMailman has bounces looked at again that Mailman's modules do not know.
	BeyondMailman bool `toml:"beyond-mailman"`
	// IgnoreNestedReports has a delivery report inside a returned message not count.
	IgnoreNestedReports bool `toml:"ignore-nested-reports"`
	// Events are the settings of the journal of events.
	Events Events `toml:"events"`
	// Guard holds members back from being disabled.
	Guard Guard `toml:"guard"`
	// Subscriptions limits pending subscriptions.
	Subscriptions Subscriptions `toml:"subscriptions"`
	// Lists has the settings of single lists that differ, by their names.
	Lists map[string]List `toml:"lists"`
}

// Events is the section of that name.
type Events struct {
	Record  bool    `toml:"record"`
	Privacy Privacy `toml:"privacy"`
}

// Privacy says how much of a member's address is written down.
type Privacy string

// The kinds of privacy.
const (
	Keep Privacy = "keep" // the address
	Hash Privacy = "hash" // a keyed hash of it, which tells that two are the same
	Omit Privacy = "none" // nothing
)

// ParsePrivacy reads a kind of privacy; the error says what there is.
func ParsePrivacy(s string) (Privacy, error) {
	switch p := Privacy(s); p {
	case Keep, Hash, Omit:
		return p, nil
	}
	return "", fmt.Errorf("got %q, need keep, hash or none", s)
}

// Guard is how many members may be disabled by bounces in a day; 0 is any number.
type Guard struct {
	Members int     `toml:"members"`
	Percent float64 `toml:"percent"`
}

// On tells whether there is a limit.
func (g Guard) On() bool { return g.Members > 0 || g.Percent > 0 }

// Subscriptions is how many subscriptions of an address, and of all addresses of a
// domain, may be pending on a list a day; 0 is any number.
type Subscriptions struct {
	PerAddress int `toml:"per-address"`
	PerDomain  int `toml:"per-domain"`
}

// List has the settings of one list that differ.
type List struct {
	Guard *Guard `toml:"guard"`
}

// GuardOf is the guard of one list.
func (s *Settings) GuardOf(list string) Guard {
	if l, ok := s.Lists[list]; ok && l.Guard != nil {
		return *l.Guard
	}
	return s.Guard
}

// Guarded tells whether any list has a guard.
func (s *Settings) Guarded() bool {
	for _, l := range s.Lists {
		if l.Guard != nil && l.Guard.On() {
			return true
		}
	}
	return s.Guard.On()
}

// Read reads the settings of a site from its data directory; without the file
// everything is off. The error says which setting is wrong and what it may be, or
// is the file system's.
func Read(dataDir string) (*Settings, error) {
	name := filepath.Join(dataDir, File)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Parse("")
	}
	if err != nil {
		return nil, err
	}

	s, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}

	return s, nil
}

// Parse reads settings from the file's text.
func Parse(text string) (*Settings, error) {
	s := &Settings{Events: Events{Privacy: Keep}}
	meta, err := toml.Decode(text, s)
	if err != nil {
		return nil, err
	}

	if unknown := meta.Undecoded(); len(unknown) > 0 {
		names := make([]string, len(unknown))
		for i, k := range unknown {
			names[i] = k.String()
		}
		return nil, fmt.Errorf("unknown settings: %s", strings.Join(names, ", "))
	}

	if s.BeyondMailman {
		s.IgnoreNestedReports = true
	}

	return s, s.check()
}

func (s *Settings) check() error {
	if _, err := ParsePrivacy(string(s.Events.Privacy)); err != nil {
		return fmt.Errorf("events.privacy: %w", err)
	}
	if s.Subscriptions.PerAddress < 0 || s.Subscriptions.PerDomain < 0 {
		return errors.New("subscriptions: a limit is less than 0")
	}

	guards := map[string]Guard{"guard": s.Guard}
	for name, l := range s.Lists {
		if l.Guard != nil {
			guards["lists."+name+".guard"] = *l.Guard
		}
	}

	for name, g := range guards {
		if g.Members < 0 || g.Percent < 0 || g.Percent > 100 {
			return fmt.Errorf("%s: got members %d and percent %g, need 0 or more, and at most 100 percent", name, g.Members, g.Percent)
		}
	}

	return nil
}
