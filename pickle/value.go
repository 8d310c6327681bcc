package pickle

// Value is one Python value, by kind:
//
//	nil          None
//	bool         bool
//	Int          int
//	*big.Int     long, whatever its size
//	float64      float
//	Str          str: bytes, in no particular charset
//	Unicode      unicode, as UTF-8
//	*Tuple       tuple
//	*List        list
//	*Dict        dict
//	*Global      a class or function, by name
//	*Instance    an instance of a class
//	*Reduce      any other object that pickled itself as a call (a set, say)
//
// Two references by one pointer are one Python object. Two pointers are two objects, even if these are equal. Values
// may form cycles.
type Value = any

// Int is a Python int. Python 2's int has 64 bits on every platform on which Mailman still runs; larger numbers are
// longs, *big.Int.
type Int int64

// Str is a Python 2 str: bytes without a known charset.
type Str string

// Unicode is a Python unicode, as UTF-8. A lone surrogate, which Python 2
// allows, is its three-byte form (WTF-8).
type Unicode string

// List is a Python list.
type List struct{ Items []Value }

// NewList returns a list of the given items.
func NewList(items ...Value) *List { return &List{Items: items} }

// Tuple is a Python tuple. Its items must not change once another value holds it.
type Tuple struct{ Items []Value }

// NewTuple returns a tuple of the given items.
func NewTuple(items ...Value) *Tuple { return &Tuple{Items: items} }

// Global is a class or function, known by its name only. Two Globals with the
// same names are the same object to Python, whatever their pointers.
type Global struct{ Module, Name string }

// String returns the dotted name.
func (g Global) String() string { return g.Module + "." + g.Name }
