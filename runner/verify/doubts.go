package verify

import (
	"fmt"
	"math/big"
	"path/filepath"
	"strings"

	"github.com/mmrunner/mmrunner/pickle"
)

// doubts finds what no reader of a config.pck can object to, and what yet looks like damage. It compares two saves of one
// list, config.pck.last and config.pck, and the tables of the list's members, which Mailman changes together.
func (c *checker) doubts(v pickle.Value) {
	now, ok := v.(*pickle.Dict)
	if !ok {
		return
	}

	c.members(now)
	// The save before this one. Without it there is nothing to compare.
	b, _, err := readFile(filepath.Join(filepath.Dir(c.file.Path), "config.pck.last"))
	if err != nil {
		return
	}

	v, _, err = pickle.Load(b)
	last, ok := v.(*pickle.Dict)
	if err != nil || !ok {
		return // the check of that file reports it
	}

	// Another release may have changed what a list has.
	version, _ := now.GetStr("data_version")
	was, _ := last.GetStr("data_version")
	if !pickle.Equal(version, was) {
		return // a new release changes what a list has
	}

	for k, old := range last.All() {
		at := "[" + pickle.Repr(k, 200) + "]"
		v, ok := now.Get(k)
		if !ok {
			c.doubt(at, nil, old, "nothing", "what config.pck.last has")
			continue
		}

		c.compare(at, v, old, 0)
	}
}

func (c *checker) doubt(path string, had, wanted pickle.Value, has, wants string) {
	d := Masked(pickle.Difference{Path: path, A: has, B: wants})
	if had != nil {
		d = Masked(pickle.Difference{Path: path, A: describe(had), B: describe(wanted) + " as in config.pck.last"})
	}
	c.find(CheckDoubt, d.Path, d.A, d.B)
}

func describe(v pickle.Value) string {
	word := "a str"
	switch v.(type) {
	case pickle.Unicode:
		word = "a unicode"
	case pickle.Int:
		word = "an int"
	case *big.Int:
		word = "a long"
	case bool:
		word = "a bool"
	}

	return word + " " + pickle.Repr(v, 120)
}

// compare looks for values that are equal and of another kind, and for strings that differ in one byte: the marks of a
// writer that confuses kinds, and of memory that fails.
func (c *checker) compare(at string, now, was pickle.Value, depth int) {
	// The first findings tell enough, and nothing of Mailman's nests deeper.
	if len(c.findings) >= c.max || depth > 4 {
		return
	}

	switch was := was.(type) {
	// An int may only become another int.
	case pickle.Int:
		switch now := now.(type) {
		case *big.Int:
			if now.IsInt64() && now.Int64() == int64(was) {
				c.doubt(at, now, was, "", "")
			}
		case bool:
			// Mailman's web pages make ints of settings that are bools. No part of Mailman does the opposite.
			if now == (was == 1) && (was == 0 || was == 1) {
				c.doubt(at, now, was, "", "")
			}
		}
	// A str that became a unicode, or lost a bit.
	case pickle.Str:
		switch now := now.(type) {
		case pickle.Unicode:
			if string(now) == string(was) {
				c.doubt(at, now, was, "", "")
			}
		case pickle.Str:
			if flipped(string(now), string(was), at) {
				c.doubt(at, now, was, "", "")
			}
		}
	// Containers item by item. A list of another length has other items, so there is no pair to compare.
	case *pickle.Dict:
		if now, ok := now.(*pickle.Dict); ok {
			c.dict(at, now, was, depth)
		}
	case *pickle.List:
		if now, ok := now.(*pickle.List); ok && len(now.Items) == len(was.Items) {
			for i, v := range was.Items {
				c.compare(fmt.Sprintf("%s[%d]", at, i), now.Items[i], v, depth+1)
			}
		}
	case *pickle.Tuple:
		if now, ok := now.(*pickle.Tuple); ok && len(now.Items) == len(was.Items) {
			for i, v := range was.Items {
				c.compare(fmt.Sprintf("%s[%d]", at, i), now.Items[i], v, depth+1)
			}
		}
	}
}

func (c *checker) dict(at string, now, was *pickle.Dict, depth int) {
	keys := map[pickle.Value]pickle.Value{}
	for k := range now.All() {
		if s, ok := k.(pickle.Unicode); ok {
			keys[pickle.Str(s)] = k
		}
	}

	for k, old := range was.All() {
		in := at + "[" + pickle.Repr(k, 200) + "]"
		if u, ok := keys[k]; ok {
			c.doubt(in, u, k, "", "")
		}

		if v, ok := now.Get(k); ok {
			c.compare(in, v, old, depth+1)
		}
	}
}

// flipped tells whether two strings differ in one byte, in a place where an edit does not change one letter. A text may
// have a typo corrected and a password a digit counted up, but not with a control character or a byte beyond ASCII.
func flipped(now, was, at string) bool {
	if len(now) != len(was) || now == was {
		return false
	}

	// Exactly one byte must differ.
	diff := -1
	for i := range len(now) {
		if now[i] != was[i] {
			if diff >= 0 {
				return false
			}
			diff = i
		}
	}

	// A byte that no keyboard makes is damage.
	if b := now[diff]; b < ' ' && b != '\n' && b != '\t' && b != '\r' || b >= 0x7f {
		return was[diff] < 0x7f
	}

	// In these tables single letters change in normal use.
	for _, free := range []string{"['passwords']", "['language']", "['usernames']"} {
		if strings.HasPrefix(at, free) {
			return false
		}
	}

	return len(now) > 3
}

// members compares the tables that every member is in (OldStyleMemberships.addNewMember).
func (c *checker) members(d *pickle.Dict) {
	table := func(name string) *pickle.Dict {
		v, _ := d.GetStr(name)
		t, _ := v.(*pickle.Dict)
		return t
	}

	members, digest, passwords := table("members"), table("digest_members"), table("passwords")
	if members == nil || digest == nil || passwords == nil {
		return
	}

	// Each member has a password, and each password a member.
	for _, t := range []struct {
		name string
		d    *pickle.Dict
	}{{"members", members}, {"digest_members", digest}} {
		for k := range t.d.All() {
			if _, ok := passwords.Get(k); !ok && len(c.findings) < c.max {
				c.find(CheckDoubt, fmt.Sprintf("['%s'][%s]", t.name, pickle.Repr(k, 200)), "a member without a password", "the address in ['passwords'] too")
			}
		}
	}

	for k := range passwords.All() {
		_, a := members.Get(k)
		_, b := digest.Get(k)
		if !a && !b && len(c.findings) < c.max {
			c.find(CheckDoubt, fmt.Sprintf("['passwords'][%s]", pickle.Repr(k, 200)), "a password of no member", "the address in ['members'] or ['digest_members'] too")
		}
	}
}
