package maillist

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
)

// GetBannedPattern returns the entry of ban_list or GLOBAL_BAN_LIST that matches the address; ok is false without a
// match. The error is an ErrNeedsPython.
func (l *List) GetBannedPattern(addr string) (pattern string, ok bool, err error) {
	pattern, ok, err = l.GetPattern(addr, l.Strs("ban_list"), "")
	if ok || err != nil || !since(l.site, 21) {
		return pattern, ok, err
	}
	return l.GetPattern(addr, l.site.List("GLOBAL_BAN_LIST"), "")
}

// HasAutoApprovedSender tells whether subscribe_auto_approval has the address, and logs a match to "vette". Releases
// before 2.1.19 have no such setting. Errors are those of GetPattern.
func (l *List) HasAutoApprovedSender(sender string) (bool, error) {
	if !since(l.site, 19) {
		return false, nil
	}
	_, ok, err := l.GetPattern(sender, l.Strs("subscribe_auto_approval"), "subscribe_auto_approval")
	if ok {
		l.o.Log.Printf("vette", "%s: auto approved subscribe from %s", l.name, sender)
	}
	return ok, err
}

// GetPattern returns the entry of patterns that matches the address; ok is false without a match. An entry is an
// address, a regular expression that begins with "^" or, where atList is not "", a "@listname", which stands for that
// list's members. atList is the attribute's name for log lines. The error is an ErrNeedsPython, or that of opening
// the other list.
func (l *List) GetPattern(addr string, patterns []string, atList string) (pattern string, ok bool, err error) {
	lower := py.Lower(addr)
	// Since 2.1.21 plain addresses are compared first, without the space around them, and the answer is the address that
	// was asked about.
	addressesFirst := since(l.site, 21)
	if addressesFirst {
		for _, p := range patterns {
			if !strings.HasPrefix(p, "^") && !strings.HasPrefix(p, "@") && py.Strip(p) != "" && py.Lower(py.Strip(p)) == lower {
				return addr, true, nil
			}
		}
	}

	for _, p := range patterns {
		match := false
		switch {
		case strings.HasPrefix(p, "^"):
			match, err = l.matches(p, addr, atList)
		case atList != "" && strings.HasPrefix(p, "@"):
			match, err = l.isMemberOf(py.Strip(py.Lower(p[1:])), lower, atList)
		case !addressesFirst:
			match = py.Lower(p) == lower
		}

		if match || err != nil {
			return p, match, err
		}
	}

	return "", false, nil
}

// matches tells whether a pattern matches. A broken pattern does not match, and releases that log it do so here.
func (l *List) matches(pattern, addr, attr string) (bool, error) {
	re, ok := l.patterns[pattern]
	if !ok {
		var err error
		re, err = pyre.Compile(pattern, pyre.IgnoreCase)
		var bad *pyre.SyntaxError
		if errors.As(err, &bad) {
			if since(l.site, 21) {
				if attr == "" {
					attr = "ban_list"
				}
				l.o.Log.Printf("error", `%s in %s has bad regexp "%s": %s`, attr, l.name, pattern, bad.Reason)
			}
			return false, nil
		}

		if err != nil {
			return false, &ErrNeedsPython{l.name, fmt.Sprint(err)}
		}
		l.patterns[pattern] = re
	}

	return re.Find(addr), nil
}

func (l *List) isMemberOf(name, addr, attr string) (bool, error) {
	if name == l.name {
		l.o.Log.Printf("error", "%s in %s references own list", attr, l.name)
		return false, nil
	}
	open := l.o.Other
	if open == nil {
		open = func(name string) (*List, error) {
			o := l.o
			o.Held, o.Lock = false, nil
			return Open(l.site, name, o)
		}
	}

	other, err := open(name)
	if errors.Is(err, ErrUnknownList) {
		l.o.Log.Printf("error", "%s in %s references non-existent list %s", attr, l.name, name)
		return false, nil
	}
	if err != nil {
		return false, err
	}

	return other.IsMember(addr), nil
}
