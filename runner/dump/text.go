package dump

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/pickle"
)

// Options say how to show a value.
type Options struct {
	Secrets bool // show passwords
}

// Text writes v, indented, in Python's notation: 1 is an int, 1L a long, True a bool, 'a' a str and u'a' a unicode.
// An object is its class and its attributes. Long strings are broken at their line ends.
func Text(w io.Writer, v pickle.Value, o Options) error {
	t := texter{w: bufio.NewWriter(w), o: o, open: map[pickle.Value]bool{}}
	t.secrets = collect(v)
	t.value(v, 0, false)
	t.w.WriteByte('\n')
	return t.w.Flush()
}

// collect finds the tuples in which a password is known by its place.
func collect(v pickle.Value) map[*pickle.Tuple]bool {
	found := map[*pickle.Tuple]bool{}
	d, ok := v.(*pickle.Dict)
	if !ok {
		return found
	}

	for k, v := range d.All() {
		if record := subscribed(k, v); record != nil {
			found[record] = true
		}
	}

	return found
}

type texter struct {
	w       *bufio.Writer
	o       Options
	open    map[pickle.Value]bool // containers that are being written
	secrets map[*pickle.Tuple]bool
}

// wide is how long a value may be on one line.
const wide = 80

// noCut is longer than any text that Repr writes.
const noCut = 1 << 40

func (t *texter) line(depth int) {
	t.w.WriteByte('\n')
	for range depth {
		t.w.WriteString("  ")
	}
}

func (t *texter) value(v pickle.Value, depth int, secret bool) {
	// A container inside itself would have no end. Scalars are written as Python's repr shows them.
	switch v := v.(type) {
	case *pickle.List, *pickle.Tuple, *pickle.Dict, *pickle.Instance, *pickle.Reduce:
		if t.open[v] {
			t.w.WriteString("<this object again>")
			return
		}
		t.open[v] = true
		defer delete(t.open, v)
	case pickle.Str:
		if secret && !t.o.Secrets {
			t.w.WriteString("<str, hidden>")
		} else {
			t.text(string(v), depth, func(s string) string { return pickle.Repr(pickle.Str(s), noCut) })
		}
		return
	case pickle.Unicode:
		if secret && !t.o.Secrets {
			t.w.WriteString("<unicode, hidden>")
		} else {
			t.text(string(v), depth, func(s string) string { return pickle.Repr(pickle.Unicode(s), noCut) })
		}
		return
	default:
		t.w.WriteString(pickle.Repr(v, noCut))
		return
	}

	// Containers, as deep as they are. A tuple of one item has its comma.
	switch v := v.(type) {
	case *pickle.List:
		t.items("[", v.Items, "]", depth, secret, false)
	case *pickle.Tuple:
		end := ")"
		if len(v.Items) == 1 {
			end = ",)"
		}
		t.items("(", v.Items, end, depth, secret, t.secrets[v])
	case *pickle.Dict:
		t.dict(v, depth, secret)
	case *pickle.Instance:
		t.w.WriteString("<" + v.Class.String())
		t.object(v.Args, v.ListItems, v.DictItems, v.State, v.HasState, depth, secret)
	case *pickle.Reduce:
		t.w.WriteString("<")
		t.value(v.Func, depth, secret)
		t.object(v.Args, v.ListItems, v.DictItems, v.State, v.HasState, depth, secret)
	}
}

// text writes a string as one literal, or as one literal for each of its lines.
func (t *texter) text(s string, depth int, repr func(string) string) {
	if len(s) <= wide || strings.Count(s, "\n") < 2 {
		t.w.WriteString(repr(s))
		return
	}
	for line := range strings.Lines(s) {
		t.line(depth + 1)
		t.w.WriteString(repr(line))
	}
}

// items writes the items between brackets. record says that item passwordAt is a password.
func (t *texter) items(begin string, items []pickle.Value, end string, depth int, secret, record bool) {
	t.w.WriteString(begin)
	// A few short items go on one line, others on a line each.
	flat := true
	for _, it := range items {
		switch it := it.(type) {
		case *pickle.List, *pickle.Tuple, *pickle.Dict, *pickle.Instance, *pickle.Reduce:
			flat = false
		case pickle.Str:
			flat = flat && len(it) <= wide
		case pickle.Unicode:
			flat = flat && len(it) <= wide
		}
	}

	flat = flat && len(items) <= 8
	for i, it := range items {
		if !flat {
			t.line(depth + 1)
		} else if i > 0 {
			t.w.WriteByte(' ')
		}

		t.value(it, depth+1, secret || record && i == passwordAt)
		if i < len(items)-1 || !flat {
			t.w.WriteByte(',')
		}
	}

	if !flat {
		t.line(depth)
		end = end[len(end)-1:]
	}

	t.w.WriteString(end)
}

func (t *texter) dict(d *pickle.Dict, depth int, secret bool) {
	if d.Len() == 0 {
		t.w.WriteString("{}")
		return
	}
	t.w.WriteByte('{')

	for _, k := range sorted(d) {
		v, _ := d.Get(k)
		t.line(depth + 1)
		t.value(k, depth+1, false)
		t.w.WriteString(": ")
		t.value(v, depth+1, secret || secretKey(k))
		t.w.WriteByte(',')
	}

	t.line(depth)
	t.w.WriteByte('}')
}

func (t *texter) object(args *pickle.Tuple, list []pickle.Value, dict *pickle.Dict, state pickle.Value, has bool, depth int, secret bool) {
	if args != nil {
		t.value(args, depth, secret)
	}

	if len(list) > 0 {
		t.w.WriteByte(' ')
		t.items("[", list, "]", depth, secret, false)
	}

	if dict != nil {
		t.w.WriteByte(' ')
		t.dict(dict, depth, secret)
	}

	if has {
		t.w.WriteByte(' ')
		t.value(state, depth, secret)
	}

	t.w.WriteByte('>')
}

// File writes all pickles in b under headings with the file's name.
func File(w io.Writer, name string, b []byte, o Options) error {
	return each(name, b, func(n, of int, size int, v pickle.Value) error {
		if _, err := fmt.Fprintf(w, "# %s: pickle %d of %d, %d bytes\n", terminal.Escape(name), n, of, size); err != nil {
			return err
		}
		return Text(w, v, o)
	})
}
