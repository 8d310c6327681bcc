package lmtp

import (
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/mlog"
)

// Options are the limits of a server. A zero value means the default.
type Options struct {
	MaxSize        int64         // bytes of a message
	MaxMemory      int64         // bytes of all messages that are being received
	MaxConnections int           // at once, on each address; more wait to be accepted
	MaxRecipients  int           // of one message
	IdleTimeout    time.Duration // for one read
	MessageTimeout time.Duration // for the data of one message
	Domains        []string      // taken besides Mailman's own; "*" takes any
	Log            mlog.Logger   // for Mailman's error log; nil drops the lines
}

// Defaults are the limits where nothing else is asked for.
var Defaults = Options{
	MaxSize:        64 << 20,
	MaxMemory:      256 << 20,
	MaxConnections: 1000,
	MaxRecipients:  1000,
	IdleTimeout:    5 * time.Minute, // RFC 5321 4.5.3.2.7
	MessageTimeout: 30 * time.Minute,
}

func (o Options) withDefaults() Options {
	if o.MaxSize == 0 {
		o.MaxSize = Defaults.MaxSize
	}

	if o.MaxMemory == 0 {
		o.MaxMemory = Defaults.MaxMemory
	}

	if o.MaxConnections == 0 {
		o.MaxConnections = Defaults.MaxConnections
	}

	if o.MaxRecipients == 0 {
		o.MaxRecipients = Defaults.MaxRecipients
	}

	if o.IdleTimeout == 0 {
		o.IdleTimeout = Defaults.IdleTimeout
	}

	if o.MessageTimeout == 0 {
		o.MessageTimeout = Defaults.MessageTimeout
	}

	// A message that is as large as one may be must have its memory.
	o.MaxMemory = max(o.MaxMemory, o.MaxSize)
	return o
}
