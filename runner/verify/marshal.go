package verify

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"

	"github.com/mmrunner/mmrunner/pickle"
)

// unmarshal reads what Python 2's marshal module has written, version 2, with the objects that reader.py makes of
// instances and classes. Marshal keeps str and unicode, int, long and bool apart, and is as fast as cPickle.
func unmarshal(b []byte) (v pickle.Value, err error) {
	m := unmarshaler{b: b}
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(marshalError)
			if !ok {
				panic(p)
			}
			err = e.error
		}
	}()

	return m.value(), nil
}

type marshalError struct{ error }

type unmarshaler struct {
	b        []byte
	pos      int
	interned []pickle.Str
}

// ellipsis marks the tuples that stand for objects.
type ellipsis struct{}

func (m *unmarshaler) fail(format string, a ...any) {
	panic(marshalError{fmt.Errorf("marshal, at byte %d: %s", m.pos, fmt.Sprintf(format, a...))})
}

func (m *unmarshaler) take(n int) []byte {
	if n < 0 || len(m.b)-m.pos < n {
		panic(marshalError{errors.New("marshal: ends too soon")})
	}
	s := m.b[m.pos : m.pos+n]
	m.pos += n
	return s
}

func (m *unmarshaler) size() int { return int(int32(binary.LittleEndian.Uint32(m.take(4)))) }

// value reads one value as marshal.c of Python 2.7 writes it (w_object): a letter for the type, and then the value.
// The Python side sends what it has loaded in this form, which keeps every kind.
func (m *unmarshaler) value() pickle.Value {
	// Numbers and the constants.
	switch op := m.take(1)[0]; op {
	case 'N':
		return nil
	case 'T':
		return true
	case 'F':
		return false
	case 'i':
		return pickle.Int(m.size())
	case 'I':
		return pickle.Int(binary.LittleEndian.Uint64(m.take(8)))
	case 'l':
		return m.long()
	case 'g':
		return math.Float64frombits(binary.LittleEndian.Uint64(m.take(8)))
	case 's':
		return pickle.Str(m.take(m.size()))
	// Python interns the names that it writes often: t has a string that R refers to later by its number.
	case 't':
		s := pickle.Str(m.take(m.size()))
		m.interned = append(m.interned, s)
		return s
	case 'R':
		i := m.size()
		if i < 0 || i >= len(m.interned) {
			m.fail("got string %d, need one of %d", i, len(m.interned))
		}
		return m.interned[i]
	case 'u':
		return pickle.Unicode(m.take(m.size()))
	case '.':
		// The Python side puts an ellipsis first into a tuple that stands for an object.
		return ellipsis{}
	case '(':
		items := m.items(m.size())
		if len(items) > 0 && items[0] == any(ellipsis{}) {
			return m.object(items[1:])
		}
		return &pickle.Tuple{Items: items}
	case '[':
		return &pickle.List{Items: m.items(m.size())}
	case '{':
		d := pickle.NewDict()
		for m.peek() != '0' {
			k := m.value()
			d.Set(k, m.value())
		}
		m.pos++
		return d
	default:
		m.fail("had type %q", op)
		return nil
	}
}

func (m *unmarshaler) items(n int) []pickle.Value {
	var items []pickle.Value
	for range n {
		items = append(items, m.value())
	}
	return items
}

// long has digits of 15 bits, the lowest first; a negative count is the sign.
func (m *unmarshaler) long() pickle.Value {
	n := m.size()
	sum := new(big.Int)
	digits := m.take(2 * max(n, -n))
	for i := len(digits) - 2; i >= 0; i -= 2 {
		sum.Lsh(sum, 15)
		sum.Add(sum, big.NewInt(int64(binary.LittleEndian.Uint16(digits[i:]))))
	}

	if n < 0 {
		sum.Neg(sum)
	}

	return sum
}

// object makes an object of its tuple: (module, name) for a class, and for an instance also arguments, list items, dict
// items, whether it has a state, and the state.
func (m *unmarshaler) object(items []pickle.Value) pickle.Value {
	if len(items) != 2 && len(items) != 7 {
		m.fail("got an object of %d parts", len(items))
	}

	module, ok1 := items[0].(pickle.Str)
	name, ok2 := items[1].(pickle.Str)
	if !ok1 || !ok2 {
		m.fail("got an object without a class")
	}

	// Two parts: the class itself.
	class := pickle.Global{Module: string(module), Name: string(name)}
	if len(items) == 2 {
		return &class
	}

	// The other parts must have their types: they come from a program, and not from the site's files.
	args, ok1 := items[2].(*pickle.Tuple)
	list, ok2 := items[3].(*pickle.List)
	pairs, ok3 := items[4].(*pickle.List)
	hasState, ok4 := items[5].(bool)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		m.fail("got an object of other parts")
	}

	in := &pickle.Instance{Class: class, ListItems: list.Items, HasState: hasState, State: items[6]}
	if len(args.Items) > 0 {
		in.Args = args
	}

	// Dict items come as pairs, in the order in which Python has them.
	for _, p := range pairs.Items {
		pair, ok := p.(*pickle.Tuple)
		if !ok || len(pair.Items) != 2 {
			m.fail("got %s, need a pair", pickle.Repr(p, 40))
		}

		if in.DictItems == nil {
			in.DictItems = pickle.NewDict()
		}

		in.DictItems.Set(pair.Items[0], pair.Items[1])
	}

	return in
}

func (m *unmarshaler) peek() byte {
	if m.pos >= len(m.b) {
		m.fail("ends inside a dict")
	}
	return m.b[m.pos]
}
