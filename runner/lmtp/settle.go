package lmtp

import (
	"errors"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/lmtp/enqueue"
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

// IsRedoLog tells whether a file of data/ is a redo log of the server that made those
// counts. It is there while the server runs; one that died may have left mail in it,
// which the next server, or Settle, queues.
func (c Counts) IsRedoLog(name string) bool { return enqueue.IsLog(name, c.Host) }
