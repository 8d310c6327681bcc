package command

import (
	"iter"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// exactRoster is up to how many members "who" answers in Mailman's own order
// even after other commands of the batch. In the answer of a larger list no reader
// can tell.
const exactRoster = 5000

// roster knows the order of a list's members as Mailman would have them: with a
// list that is read anew for each entry, and written after it. A nil one knows
// nothing, and gives the order of a list that was just read.
type roster struct {
	regular, digest py.Dict
	steps           []rosterStep // what these two have yet to see
	begun           int          // how many of them are of earlier entries
	reread          bool         // the list is read anew for each entry
	stable          bool         // another save would change nothing

	// The orders that the list would have been saved in last, if it was.
	file [2][]string
}

// settleWork is up to how many steps, times members, are gone through only to leave
// the members in Mailman's order.
const settleWork = 10_000_000

// settle has the list saved with its members in the order in which Mailman would
// have saved them, so that the next reader has them in the same order:
// it must not show where a batch ended.
func (r *roster) settle(l *maillist.List) {
	if r == nil || len(r.steps)*(r.regular.Len()+r.digest.Len()) > settleWork {
		return
	}
	r.take(r.steps)
	r.steps, r.begun = nil, 0

	if !r.reread {
		r.file = [2][]string{r.regular.Keys(), r.digest.Keys()}
	}

	if r.file[0] != nil {
		l.OrderMembers(r.file[0], r.file[1])
	}
}

// rosterStep is a change of one member dict, or a save.
type rosterStep struct {
	key              string
	in, digest, save bool
}

// newRoster takes down the members at the beginning of a batch; it returns nil
// for a list that is too large. Releases that do not reread a list for each
// entry keep what an entry did even if it was not saved.
func newRoster(l *maillist.List, reread bool) *roster {
	if all, _ := l.NumMembers(); all > exactRoster {
		return nil
	}
	return &roster{
		reread:  reread,
		regular: inOrder(l.GetRegularMemberKeys()),
		digest:  inOrder(l.GetDigestMemberKeys()),
	}
}

// begin begins an entry.
func (r *roster) begin() {
	if r != nil {
		r.begun = len(r.steps)
	}
}

// moved notes that an address became a member, or is none any more.
func (r *roster) moved(l *maillist.List, addr string, in bool) {
	if r == nil {
		return
	}
	// Each member in the dict has the option.
	digest, _ := l.GetMemberOption(addr, maillist.Digests)
	r.steps = append(r.steps, rosterStep{key: py.Lower(addr), in: in, digest: digest})
}

// end ends an entry, after which Mailman would have saved the list or not.
func (r *roster) end(saved bool) {
	switch {
	case r == nil || !r.reread:
	case saved:
		r.steps = append(r.steps, rosterStep{save: true})
	default:
		r.steps = r.steps[:r.begun]
	}
}

// take applies steps, and remembers the order of members at the last save among them.
func (r *roster) take(steps []rosterStep) {
	// Python's dicts change their order when they are pickled and read again, so each save counts.
	last := len(steps) - 1
	for last >= 0 && !steps[last].save {
		last--
	}

	for i, s := range steps {
		if i == last {
			r.file = [2][]string{r.regular.Keys(), r.digest.Keys()}
		}

		switch {
		case s.save && r.stable:
		case s.save:
			regular, digest := r.regular.Reload(), r.digest.Reload()
			r.stable = !regular && !digest
		case !s.in:
			r.regular.Delete(s.key)
			r.digest.Delete(s.key)
			r.stable = false
		case s.digest:
			r.digest.Set(s.key)
			r.stable = false
		default:
			r.regular.Set(s.key)
			r.stable = false
		}
	}
}

// keys are the members with regular delivery and those with digests.
func (r *roster) keys(l *maillist.List) (regular, digest []string) {
	if r == nil {
		r = &roster{regular: inOrder(l.GetRegularMemberKeys()), digest: inOrder(l.GetDigestMemberKeys())}
	}

	r.take(r.steps[:r.begun])
	r.steps, r.begun = r.steps[r.begun:], 0
	// This entry may yet fail.
	now := roster{regular: *r.regular.Clone(), digest: *r.digest.Clone()}
	now.take(r.steps)
	return now.regular.Keys(), now.digest.Keys()
}

// inOrder is a dict made by setting keys one after the other, as reading a
// pickled one does.
func inOrder(keys iter.Seq[string]) (d py.Dict) {
	for k := range keys {
		d.Set(k)
	}
	return d
}
