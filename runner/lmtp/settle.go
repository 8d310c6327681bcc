package lmtp

import (
	"errors"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// Settle queues what a server of this host has acknowledged that died before it could
// queue it. A server that lives does so itself. The error is one of New's.
func Settle(s *site.Site) error {
	srv, err := New(s, Options{})
	if errors.Is(err, ErrTaken) {
		return nil
	}
	if err != nil {
		return err
	}
	return srv.Close()
}
