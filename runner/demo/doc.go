// Package demo makes up a site for readers without a Mailman, as large as that of the original story. [Make] makes it
// with the bounces of one mailing and some commands in its queues. [Prepare] returns these as [Mail] instead, which
// [Deliver] brings in by LMTP. [Expected] describes the site when all is handled, [Check] reads what it is then, and
// [Report] and [Compare] print both.
//
// Nothing of it is Mailman's: addresses, mail and texts are our own, and the settings are those of site.Builtin. The
// state is read back by gopickle, which shares no code with the writer.
package demo

import "time"

// The names of the site's list and of its members.
const (
	ListName = "biglist" // the list's internal name
	siteList = "mailman"
	mailHost = "lists.example.com"
	owner    = "owner@example.com"
)

// Options say how many there are.
type Options struct {
	Members  int // of the list
	Bounces  int // in the bounce queue
	Commands int // in the command queue
	// Progress is called with the thing that is being made, and how much of it is done; its error stops the work. It
	// may be nil.
	Progress func(what string, done, total int) error
	// Now is the time at which all entries came in.
	Now time.Time
}

// expected describes the site when its queues are empty.
type expected struct {
	Members    int // of the list
	BounceInfo int // members with bounce information
	Score      int // the sum of their scores
	ByBounce   int // members whose delivery bounces have disabled
	ByUser     int // members that have disabled delivery themselves
	Hidden     int // members that have asked to be hidden
	Pending    int // requests that wait for a confirmation
	Mails      int // notices, to be sent or sent already
	Registered int // bounces that were counted against a member
	Forwarded  int // bounces that no module recognized, sent on to the owner
	Discarded  int // bounces that only say that mail is late
}
