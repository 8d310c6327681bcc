// Package report counts who bounces and why: by day, domain, status code,
// class, server and member. It reads the events that commits have left (package
// events) and, for what a site has kept no events of, the lists' own state: each
// member's last bounce, score and delivery status. It changes nothing.
package report

import (
	"time"
)

// Options select what a report covers.
type Options struct {
	Lists []string  // none is all
	Since time.Time // events and bounces since then
	Now   time.Time
	Most  int // rows of each table; 0 is all
}

// Report has the figures of a report.
type Report struct {
	At    time.Time `json:"at"`
	Since time.Time `json:"since"`
	// Events is how many there were; without any, all is from the lists' state, which
	// knows of each member's last bounce only.
	Events   int     `json:"events"`
	Lists    []List  `json:"lists"`
	Days     []Count `json:"days"` // all of them, the oldest first
	Domains  []Count `json:"domains"`
	Statuses []Count `json:"statuses"`
	Classes  []Count `json:"classes"`
	Servers  []Count `json:"servers"`
	Members  []Count `json:"members"`
	Others   []Count `json:"others"` // messages to the bounces addresses that are no bounces, or give no address
	// Reasons are the most frequent diagnostics, without addresses and numbers.
	Reasons []Count  `json:"reasons"`
	Unread  []string `json:"unread"` // lists that could not be read, and why
}

// Count is how often a name was met.
type Count struct {
	Name     string `json:"name"`
	Bounces  int    `json:"bounces"`
	Disabled int    `json:"disabled"` // members whose delivery was disabled by it
	Held     int    `json:"held"`     // members whom the guard has kept from that
}

// List is the present state of a list.
type List struct {
	Name             string `json:"name"`
	Members          int    `json:"members"`
	Bouncing         int    `json:"bouncing"` // members with a bounce score
	Held             int    `json:"held"`     // of these, members whom the bounce guard keeps from being disabled
	DisabledByBounce int    `json:"disabled_by_bounce"`
	DisabledByAdmin  int    `json:"disabled_by_admin"`
	DisabledByUser   int    `json:"disabled_by_user"`
	DisabledUnknown  int    `json:"disabled_unknown"`
}
