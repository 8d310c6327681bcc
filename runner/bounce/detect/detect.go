// Package detect is in charge of recognizing bounces: what Mailman's
// Mailman/Bouncers package finds in a message, with the pipeline, patterns and
// tables of the installation at hand, and what Queue/BounceRunner.py finds in
// the address that a bounce came to (VERP).
//
// There is one file for each of Mailman's modules. Each holds the module's way
// of looking through a message; what it looks for comes from the profile. A
// module whose code is not that of a known release, or whose patterns cannot be
// had in Go, is left to the site's Python.
package detect

import (
	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// Result is what BouncerAPI.ScanMessages finds in a message.
type Result struct {
	// Module is the bounce module that recognized the message, "" if none did.
	Module string
	// Addrs are the addresses it found, in its order, without those that are
	// None or empty (BounceRunner leaves these out). A module can recognize a
	// message and find no address in it.
	Addrs []string
	// Stop is set if the message is a warning that is to be ignored.
	Stop bool
	// NeedPython says why only the site's Python can tell; "" if this result is
	// what Mailman would find. Nothing else is set then.
	NeedPython string
	// Err is the exception that Mailman would have met (a *message.PyError): it
	// shunts the entry. Nothing but Module, the module that raised it, is set
	// then.
	Err error
}

// Detector looks for bounces as one installation would. It may be used by many
// goroutines at once.
type Detector struct {
}

// New makes a detector for an installation. What the profile has that only
// Python can do shows in the results, not as an error; the error is for a
// profile that says nothing about bounces.
func New(p *site.Profile) (*Detector, error) { panic("not yet") }

// Scan is BouncerAPI.ScanMessages.
func (d *Detector) Scan(m *message.Message) Result { panic("not yet") }

// Verp is what BounceRunner's verp_bounce or verp_probe finds.
type Verp struct {
	Addr string // verp_bounce: the address in the first field that matches, "" if none does
	// Log is a line for the error log, "" for none: VERP_REGEXP or
	// VERP_PROBE_REGEXP lacks a group that it must have.
	Log        []string
	NeedPython string // why only Python can tell
	Err        error  // as in Result
}

// VerpBounce is BounceRunner.verp_bounce. mailbox is the list's bounces mailbox
// in lower case: the first half of Utils.ParseEmail(mlist.GetBouncesEmail()).
func (d *Detector) VerpBounce(mailbox string, m *message.Message) Verp { panic("not yet") }

// VerpTokens returns what BounceRunner.verp_probe asks mlist.pend_confirm about,
// in turn, until one is pending.
func (d *Detector) VerpTokens(mailbox string, m *message.Message) (tokens []string, v Verp) {
	panic("not yet")
}
