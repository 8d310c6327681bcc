package py

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/mmrunner/mmrunner/pickle"
)

// Truth is bool(v): None, zero and empty values are false, an instance is true.
func Truth(v pickle.Value) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case int:
		return v != 0
	case pickle.Int:
		return v != 0
	case *big.Int:
		return v.Sign() != 0
	case float64:
		return v != 0
	case string:
		return v != ""
	case pickle.Str:
		return v != ""
	case pickle.Unicode:
		return v != ""
	case *pickle.List:
		return len(v.Items) > 0
	case *pickle.Tuple:
		return len(v.Items) > 0
	case *pickle.Dict:
		return v.Len() > 0
	}

	return true
}

// TypeName is type(v).__name__.
func TypeName(v pickle.Value) string {
	switch v := v.(type) {
	case string:
		return "str"
	case int:
		return "int"
	case *pickle.Instance:
		if v.Kind != pickle.OldStyle {
			return v.Class.Name
		}
	}

	return pickle.TypeName(v)
}

// str is str(v), or unicode(v) of a unicode.
func str(v pickle.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case pickle.Str:
		return string(v)
	case pickle.Unicode:
		return string(v)
	case float64:
		return floatStr(v)
	case *big.Int:
		return v.String()
	}

	return pickle.Repr(v, 1<<20)
}

// floatStr is str() of a float: repr's form with at most twelve digits.
func floatStr(f float64) string {
	g, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', 12, 64), 64)
	if err != nil {
		g = f
	}

	s := pickle.Repr(g, 64)
	// repr changes to an exponent at 1e16, str at 1e12.
	if mant := strings.TrimPrefix(s, "-"); len(mant) > 14 && strings.HasSuffix(mant, ".0") {
		return strconv.FormatFloat(g, 'e', -1, 64)
	}
	return s
}

// Int is int(v) of a number or bool, cut to 64 bits; 0 for anything else.
func Int(v pickle.Value) int64 {
	switch v := v.(type) {
	case bool:
		if v {
			return 1
		}
	case int:
		return int64(v)
	case pickle.Int:
		return int64(v)
	case *big.Int:
		return v.Int64()
	case float64:
		return int64(v)
	}

	return 0
}

// Float is float(v) of a number or bool; 0 for anything else.
func Float(v pickle.Value) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case *big.Int:
		f, _ := new(big.Float).SetInt(v).Float64()
		return f
	}
	return float64(Int(v))
}

// IsNumber tells whether v is a bool, int, long or float.
func IsNumber(v pickle.Value) bool {
	switch v.(type) {
	case bool, int, pickle.Int, *big.Int, float64:
		return true
	}
	return false
}

// Compare is cmp(a, b) of None, numbers and strings: numbers by value whatever their types, None before all else,
// numbers before all other values, and the rest by the names of their types.
func Compare(a, b pickle.Value) int {
	x, okx := exact(a)
	y, oky := exact(b)
	if okx && oky {
		return x.Cmp(y)
	}
	if r := cmp.Compare(rank(a), rank(b)); r != 0 {
		return r
	}

	s, ok1 := StringOf(a)
	t, ok2 := StringOf(b)
	if ok1 && ok2 {
		return strings.Compare(s, t)
	}

	return strings.Compare(TypeName(a), TypeName(b))
}

// rank is the place of a value's type in Python 2's order of types.
func rank(v pickle.Value) int {
	if v == nil {
		return 0
	}
	if _, ok := exact(v); ok {
		return 1
	}
	return 2
}

// exact returns a number without loss; ok is false for nan, which has no place in an order.
func exact(v pickle.Value) (*big.Float, bool) {
	switch v := v.(type) {
	case bool, int, pickle.Int:
		return new(big.Float).SetInt64(Int(v)), true
	case *big.Int:
		return new(big.Float).SetPrec(uint(max(v.BitLen(), 1))).SetInt(v), true
	case float64:
		if !math.IsNaN(v) {
			return new(big.Float).SetFloat64(v), true
		}
	}

	return nil, false
}

// Add is a + b of two numbers, with the type that Python gives the sum. The error is a TypeError for a value that is
// no number.
func Add(a, b pickle.Value) (pickle.Value, error) {
	if !IsNumber(a) || !IsNumber(b) {
		return nil, Errorf("TypeError", "unsupported operand type(s) for +: '%s' and '%s'", TypeName(a), TypeName(b))
	}
	_, fa := a.(float64)
	_, fb := b.(float64)
	if fa || fb {
		return Float(a) + Float(b), nil
	}

	sum := new(big.Int).Add(bigInt(a), bigInt(b))
	_, la := a.(*big.Int)
	_, lb := b.(*big.Int)
	if !la && !lb && sum.IsInt64() {
		return pickle.Int(sum.Int64()), nil
	}

	return sum, nil
}

// ExactInt returns the int that a number equals; ok is false for a number that equals no int, and for any other
// value.
func ExactInt(v pickle.Value) (n int, ok bool) {
	f, ok := exact(v)
	if !ok || !f.IsInt() {
		return 0, false
	}
	i, accuracy := f.Int64()
	return int(i), accuracy == big.Exact
}

func bigInt(v pickle.Value) *big.Int {
	if n, ok := v.(*big.Int); ok {
		return n
	}
	return big.NewInt(Int(v))
}

// SetBits is v | bits, or v & ~bits where set is false, of an int, bool or long. A long stays a long.
func SetBits(v pickle.Value, bits int64, set bool) pickle.Value {
	if long, ok := v.(*big.Int); ok {
		if set {
			return new(big.Int).Or(long, big.NewInt(bits))
		}
		return new(big.Int).AndNot(long, big.NewInt(bits))
	}

	if set {
		return pickle.Int(Int(v) | bits)
	}
	return pickle.Int(Int(v) &^ bits)
}

// StringOf returns the bytes of a str or the UTF-8 of a unicode; false for any other value.
func StringOf(v pickle.Value) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case pickle.Str:
		return string(v), true
	case pickle.Unicode:
		return string(v), true
	}

	return "", false
}

// Items returns the items of a list or tuple; ok is false for any other value.
func Items(v pickle.Value) (items []pickle.Value, ok bool) {
	switch v := v.(type) {
	case *pickle.List:
		return v.Items, true
	case *pickle.Tuple:
		return v.Items, true
	}
	return nil, false
}

// Repr is repr() of a str.
func Repr(s string) string { return pickle.Repr(pickle.Str(s), 4*len(s)+16) }

// attribute is the AttributeError for a value that is no instance.
func attribute(v pickle.Value, name string) *Error {
	return &Error{Class: "AttributeError", Text: fmt.Sprintf("'%s' object has no attribute '%s'", TypeName(v), name)}
}

// NoAttribute is the AttributeError for v.name where v has no such attribute.
func NoAttribute(v pickle.Value, name string) *Error {
	if in, ok := v.(*pickle.Instance); ok && in.Kind == pickle.OldStyle {
		return Errorf("AttributeError", "%s instance has no attribute '%s'", in.Class.Name, name)
	}
	return attribute(v, name)
}
