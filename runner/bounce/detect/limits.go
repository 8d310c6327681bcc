package detect

import (
	"errors"

	"github.com/mmrunner/mmrunner/mmcompat/pydict"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// What true mail never comes near, and mail that was made to keep a runner busy
// may have a hundred times of. Such an entry is shunted.
const (
	// MTAs take headers of up to 1 MB (Exim), and most far less.
	maxField = 512 << 10 // bytes
	// Python makes 300 MB of so many.
	maxParts = 100_000
	// Mailman writes the whole message once for each address to its
	// bounce-events file: gigabytes, for the shortest that has so many.
	maxAddrs = 50_000
	// So many lines, of different addresses next to each other, are for no more
	// than that only if they repeat themselves.
	maxLines = 200_000
)

var (
	errField = errors.New("a bounce with a field of more than 512 KB")
	errParts = errors.New("a bounce of more than 100,000 parts")
	errAddrs = errors.New("a bounce for more than 50,000 addresses")
)

// excess is what of the message is beyond the limits.
func (s *scan) excess() error {
	parts := s.walk()
	if len(parts) > maxParts {
		return errParts
	}
	for _, part := range parts {
		for _, h := range part.Headers {
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
	pydict.Dict
	lines int // how often it was set
}

// set is addrs[addr] = 1.
func (a *addresses) set(addr string) error {
	a.Set(addr)
	if a.lines++; a.lines > maxLines || a.Len() > maxAddrs {
		return errAddrs
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
