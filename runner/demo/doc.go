// Package demo is in charge of a made-up site for those who have no Mailman: a
// list of the original story's size, the bounces of one mailing and some
// commands in its queues, and what its state must be once they are handled.
//
// Nothing of it is Mailman's: addresses, mail and texts are our own, and the
// settings are what site.Builtin has. The state is read back by gopickle, which
// shares no code with what wrote it.
package demo

import "time"

// What the site's list and its members are called.
const (
	ListName = "biglist" // the list's internal name
	siteList = "mailman"
	mailHost = "lists.example.com"
	owner    = "owner@example.com"
)

// Options say how much there is of everything.
type Options struct {
	Members  int // of the list
	Bounces  int // in the bounce queue
	Commands int // in the command queue
	// Progress is told what is being made, and how much of it is done; an error
	// of its ends that. It may be nil.
	Progress func(what string, done, total int) error
	// Now is the time at which everything came in.
	Now time.Time
}

// Expected is what must be true of the site when its queues are empty.
type Expected struct {
	Members    int // of the list
	BounceInfo int // members with bounce information
	Score      int // the sum of their scores
	ByBounce   int // members whose delivery bounces have disabled
	ByUser     int // members who disabled it themselves
	Hidden     int // members who asked to be hidden
	Pending    int // requests that wait for a confirmation
	Mails      int // messages to be sent
	Registered int // bounces that were counted against somebody
	Forwarded  int // bounces that nobody understood, sent on to the owner
	Discarded  int // bounces that say that nothing is lost yet
}
