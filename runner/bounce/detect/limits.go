package detect

import (
	"errors"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// Limits that ordinary mail never comes near, and that hostile mail may exceed a hundred times to keep a runner busy.
// An entry that exceeds one is shunted.
const (
	// Mail servers take headers of up to 1 MB (Exim), and most of them far less.
	maxField = 256 << 10 // bytes
	// Python needs 300 MB for so many.
	maxParts = 100_000
	// Mailman writes the whole message once for each address to its bounce-events file: gigabytes, even for the
	// shortest message with so many addresses.
	maxAddrs = 50_000
)

// Limits that only large mail exceeds which is mistaken for a bounce, for example a long table in HTML. It may have a
// few addresses, so it goes to Python.
const (
	maxFinds = 100_000   // possible addresses, in lines that differ from the line before
	maxHits  = 1_000_000 // lines that may have addresses
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

// add is addrs.append(mo.group('addr')). It tells whether to go on.
func (v *verdict) add(m *pyre.Match, re *pyre.Regexp) bool {
	addr, err := group(m, re, "addr")
	return v.append(addr, err)
}

// append is addrs.append(addr), for an address that may have failed. It tells whether to go on. One empty address
// stands for all.
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

// addresses is a dict whose keys are addresses.
type addresses struct {
	py.Dict
	valid *pyre.Regexp // the form of addresses that are returned; nil for any

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
