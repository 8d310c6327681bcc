// Package events writes and reads data/mmrunner-events: what each commit did about
// bounces, one JSON object a line, for [Read] and other programs.
// It is written only if a site asks for it (package settings), because it keeps
// who bounced and why for longer than Mailman does. Mailman never reads it, and
// list state does not depend on it.
//
// The lines of a commit are in its journal's record as its log lines are, so each
// is written once, whatever instruction the process dies at. The file is cut off
// at 16 MB and three older ones are kept, mmrunner-events.1 to .3; all have mode
// 0660. See [Event] for the fields; one without a value is left out.
package events

import (
	"path/filepath"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mlog"
)

// Log is the name of the file, and of the log that it is to package mlog.
const Log = "mmrunner-events"

// File is the events' log of a site, by its data directory.
func File(dataDir string) mlog.Limited {
	return mlog.Limited{Path: filepath.Join(dataDir, Log), Size: 16 << 20, Keep: 3}
}

// Kind is the subject of an event.
type Kind string

// The kinds of events.
const (
	Bounce   Kind = "bounce"    // a bounce of a member was registered
	Probe    Kind = "probe"     // a probe of a member came back
	Unknown  Kind = "unknown"   // a bounce in which no address was found
	NoBounce Kind = "no-bounce" // a message to the bounces address that is none; Class says what
	Held     Kind = "held"      // a bounce was registered, and the guard held its member, who would have been disabled
	Enabled  Kind = "enabled"   // mmrunner enable or release put a member back
	Released Kind = "released"  // mmrunner release had a held member disabled
)

// The consequences of a bounce for a member.
const (
	Disabled = "disabled" // delivery was disabled
	Probed   = "probed"   // a probe was sent
	Removed  = "removed"  // the membership ended
)

// Event is one line.
type Event struct {
	At   time.Time `json:"at"`
	List string    `json:"list"`
	Kind Kind      `json:"event"`
	// Member is the member's address, or "h:" and 16 hexadecimal digits of its hash,
	// or nothing, as the site's privacy setting wants it. Domain is the address's.
	Member string `json:"member,omitempty"`
	Domain string `json:"domain,omitempty"`
	// Server is the mail server that refused the message or, if that is not known,
	// the one that reports it.
	Server string `json:"server,omitempty"`
	// Status is the status code (RFC 3463), such as 5.1.1.
	Status string `json:"status,omitempty"`
	// Class is hard, soft, policy, full or unknown; for a message that is no bounce,
	// its kind (package beyond).
	Class string `json:"class,omitempty"`
	// Diagnostic is the beginning of what the server said.
	Diagnostic string `json:"diagnostic,omitempty"`
	// Module is the bounce module that recognized the message, VERP, or beyond and
	// its rule.
	Module string `json:"module,omitempty"`
	// Before and After are the member's bounce scores.
	Before float64 `json:"before,omitempty"`
	After  float64 `json:"after,omitempty"`
	// Then is the consequence: disabled, probed or removed.
	Then string `json:"then,omitempty"`
}
