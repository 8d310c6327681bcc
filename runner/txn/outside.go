package txn

import (
	"slices"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
)

// Enqueue adds a message to the outbox of a turn that is about no list, for the
// queue of that usual name. The error is for a message that cannot be pickled.
func (t *Turn) Enqueue(queue string, m *message.Message, data *qfile.Data) error {
	_, err := t.enqueue(queue, m, data)
	return err
}

// Preserve keeps bytes that are no entry, for a human, in the directory of those
// that are preserved: as NAME.pck, which no runner takes up.
func (t *Turn) Preserve(name string, b []byte) {
	t.outbox = append(t.outbox, outgoing{t.env.Site.QueueDir("bad"), name, b})
}

// Remove has the commit remove a file, together with all else that it does.
func (t *Turn) Remove(path string) { t.removals = append(t.removals, path) }

// Removed tells whether Remove was told of a file.
func (t *Turn) Removed(path string) bool { return slices.Contains(t.removals, path) }
