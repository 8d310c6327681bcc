package command

import (
	"iter"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// exactRoster is the number of members up to which "who" answers in Mailman's own order even after other commands of
// the batch. No reader can tell in the answer of a larger list.
const exactRoster = 5000

// roster has a list's members in the order that Mailman's dicts would have: Mailman reads the list anew for each
// entry, and writes it after the entry. A nil roster gives the order of a list that was just read.
type roster struct {
	regular, digest py.Dict
	steps           []rosterStep // steps that are not applied to these two yet
	begun           int          // how many of them belong to earlier entries
	reread          bool         // Mailman reads the list anew for each entry
	stable          bool         // another save would change nothing

	// The orders in which the list would have been saved last.
	file [2][]string
}

// settleWork is the number of steps, times members, up to which steps are applied only to leave the members in
// Mailman's order.
const settleWork = 10_000_000

// settle makes the list saved with its members in the order in which Mailman would have saved them, so that the next
// reader has them in the same order: the end of a batch must not show.
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

// newRoster copies the members at the beginning of a batch; it returns nil for a list that is too large. Releases
// that do not read a list again for each entry keep the changes of an entry even if it was not saved.
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

// moved notes that an address became a member, or ceased to be one.
func (r *roster) moved(l *maillist.List, addr string, in bool) {
	if r == nil {
		return
	}

	// Each member in the dict of digest members has the option.
	digest, _ := l.GetMemberOption(addr, maillist.Digests)
	r.steps = append(r.steps, rosterStep{key: py.Lower(addr), in: in, digest: digest})
}

// end ends an entry. saved tells whether Mailman would have saved the list after it.
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

// keys returns the members with regular delivery and those with digests.
func (r *roster) keys(l *maillist.List) (regular, digest []string) {
	if r == nil {
		r = &roster{regular: inOrder(l.GetRegularMemberKeys()), digest: inOrder(l.GetDigestMemberKeys())}
	}

	r.take(r.steps[:r.begun])
	r.steps, r.begun = r.steps[r.begun:], 0
	// The steps of this entry may be taken back.
	now := roster{regular: *r.regular.Clone(), digest: *r.digest.Clone()}
	now.take(r.steps)
	return now.regular.Keys(), now.digest.Keys()
}

// inOrder makes a dict by setting keys in turn, as reading a pickled dict does.
func inOrder(keys iter.Seq[string]) (d py.Dict) {
	for k := range keys {
		d.Set(k)
	}
	return d
}
