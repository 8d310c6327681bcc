package command

import (
	"iter"
	"slices"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
)

// exactRoster is up to how many members "who" answers in Mailman's own order
// even after other commands of the batch. In the answer of a larger list nobody
// can tell.
const exactRoster = 5000

// roster knows the order of a list's members as Mailman would have them: with a
// list that is read anew for each entry, and written after it. A nil one knows
// nothing, and gives the order of a list that was just read.
type roster struct {
	regular, digest *dictOrder
	steps           []rosterStep // what these two have yet to see
	begun           int          // how many of them are of earlier entries
}

// rosterStep is a change of one member dict, or a save.
type rosterStep struct {
	key              string
	in, digest, save bool
}

// newRoster takes down the members at the beginning of a batch; it returns nil
// for a list that is too large.
func newRoster(l *maillist.List) *roster {
	if all, _ := l.NumMembers(); all > exactRoster {
		return nil
	}
	return &roster{
		regular: newDictOrder(slices.Collect(l.GetRegularMemberKeys())),
		digest:  newDictOrder(slices.Collect(l.GetDigestMemberKeys())),
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
	// Whoever is in has the option.
	digest, _ := l.GetMemberOption(addr, maillist.Digests)
	r.steps = append(r.steps, rosterStep{key: maillist.Lower(addr), in: in, digest: digest})
}

// end ends an entry, after which Mailman would have saved the list or not.
func (r *roster) end(saved bool) {
	switch {
	case r == nil:
	case saved:
		r.steps = append(r.steps, rosterStep{save: true})
	default:
		r.steps = r.steps[:r.begun]
	}
}

// take does one step.
func (r *roster) take(s rosterStep) {
	switch {
	case s.save:
		r.regular, r.digest = newDictOrder(r.regular.keys()), newDictOrder(r.digest.keys())
	case !s.in:
		r.regular.delete(s.key)
		r.digest.delete(s.key)
	case s.digest:
		r.digest.set(s.key)
	default:
		r.regular.set(s.key)
	}
}

// keys are the members with regular delivery and those with digests.
func (r *roster) keys(l *maillist.List) (regular, digest []string) {
	if r == nil {
		return inOrder(l.GetRegularMemberKeys()), inOrder(l.GetDigestMemberKeys())
	}
	for _, s := range r.steps[:r.begun] {
		r.take(s)
	}
	r.steps, r.begun = r.steps[r.begun:], 0
	// This entry may yet fail.
	now := roster{regular: r.regular.clone(), digest: r.digest.clone()}
	for _, s := range r.steps {
		now.take(s)
	}
	return now.regular.keys(), now.digest.keys()
}

func inOrder(keys iter.Seq[string]) []string { return newDictOrder(slices.Collect(keys)).keys() }
