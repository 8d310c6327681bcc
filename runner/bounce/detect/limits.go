package detect

import (
	"errors"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// Limits that true mail never comes near, and that mail made to keep a runner busy may
// exceed a hundred times. An entry that exceeds one is shunted.
const (
	// MTAs take headers of up to 1 MB (Exim), and most far less.
	maxField = 256 << 10 // bytes
	// Python makes 300 MB of so many.
	maxParts = 100_000
	// Mailman writes the whole message once for each address to its
	// bounce-events file: gigabytes, for the shortest that has so many.
	maxAddrs = 50_000
)

// Limits that only large mail exceeds that is taken for a bounce by mistake, such as a
// long table in HTML. It may hold a few addresses all the same, so it goes to Python.
const (
	maxFinds = 100_000   // addresses, or what looks so, in lines that differ from the one before
	maxHits  = 1_000_000 // lines that may have some
)

var (
	errField = errors.New("a bounce with a field of more than 256 KB")
	errParts = errors.New("a bounce of more than 100,000 parts")
	errAddrs = errors.New("a bounce for more than 50,000 addresses")

	errLines = errors.New("the bounce has too many lines that may have an address")
)

// excess returns an error if the message exceeds a limit.
func (s *scan) excess() error {
	parts := s.walk()
	if len(parts) > maxParts {
		return errParts
	}

	for _, part := range parts {
		for h := range part.Headers() {
			if v, ok := h.Value.(string); ok && len(v) > maxField {
				return errField
			}
		}
	}

	return nil
}

// add is addrs.append(mo.group('addr')); it tells whether to go on.
func (v *verdict) add(m *pyre.Match, re *pyre.Regexp) bool {
	addr, err := group(m, re, "addr")
	return v.append(addr, err)
}

// append is addrs.append(addr), for an address that may have failed; it tells
// whether to go on. Of those that are empty one will do.
func (v *verdict) append(addr string, err error) bool {
	if err == nil && addr == "" && len(v.addrs) > 0 {
		return true
	}

	if err == nil && len(v.addrs) == maxAddrs {
		err = errAddrs
	}

	if err != nil {
		*v = verdict{err: err}
		return false
	}
	v.addrs = append(v.addrs, addr)
	return true
}

// addresses is a dict with addresses for keys.
type addresses struct {
	py.Dict
	valid *pyre.Regexp // what one has to match to be returned; nil for all

	count int // how many are valid
	finds int // how often it was set
}

// set is addrs[addr] = 1.
func (a *addresses) set(addr string) error {
	n := a.Len()
	a.Set(addr)

	if a.Len() > n && (a.valid == nil || a.valid.Match(addr) != nil) {
		a.count++
	}

	a.finds++
	switch {
	case a.count > maxAddrs:
		return errAddrs
	case a.finds > maxFinds:
		return errLines
	}

	return nil
}

// setGroup is addrs[mo.group('addr')] = 1, for a line that has the pattern.
func (a *addresses) setGroup(re *pyre.Regexp, line string) error {
	addr, err := groupOf(re, line, "addr")
	if err == nil {
		err = a.set(addr)
	}
	return err
}

// verdict is the verdict of a module that returns addrs.keys().
func (a *addresses) verdict(err error) verdict {
	if err != nil {
		return verdict{err: err}
	}
	return verdict{addrs: a.Keys()}
}
