package pickle

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"math/big"
	"unsafe"
)

// All hashes of the process have one seed, so that a Dict and a Document's index agree.
var seed = maphash.MakeSeed()

// hashNumber and hashPointer separate kinds that never compare equal.
const (
	hashNumber  = 0x9e3779b97f4a7c15
	hashPointer = 0xc2b2ae3d27d4eb4f
)

func hashInt(n int64) uint64 {
	h := uint64(n)*0xff51afd7ed558ccd ^ hashNumber
	return h ^ h>>29
}

// hashString serves str and unicode alike, because an ASCII str and its unicode are one key in Python.
func hashString[T ~string | ~[]byte](s T) uint64 { return maphash.String(seed, string(s)) }

// errWork stops the hashing of keys that a hostile pickle has made large: sharing lets a few bytes stand for a key of
// any size.
var errWork = errors.New("had dict keys too costly to hash for a pickle of this size")

// maxKeyDepth bounds the nesting of tuples in a key.
const maxKeyDepth = 500

// freeWork is the budget for a key that does not come from a pickle.
const freeWork = 1 << 30

// hash returns a key's hash. It takes the cost, about one for each byte, from *work, and fails where that is used up
// or where Python would say unhashable.
func hash(key Value, work *int, depth int) (uint64, error) {
	// Hashing is charged for, since a hostile pickle can ask for the hash of one long key many times.
	if *work -= 8; *work < 0 {
		return 0, errWork
	}

	switch k := key.(type) {
	// 'a' and u'a' are one key in Python, so both kinds hash alike.
	case Str:
		*work -= len(k)
		return hashString(k), nil
	case Unicode:
		*work -= len(k)
		return hashString(k), nil
	case nil:
		return hashPointer, nil
	// True == 1 == 1L == 1.0 in Python: numbers of equal value must hash alike, whatever their kind.
	case bool:
		if k {
			return hashInt(1), nil
		}
		return hashInt(0), nil
	case Int:
		return hashInt(int64(k)), nil
	case float64:
		if k == math.Trunc(k) && k >= -1<<63 && k < 1<<63 {
			return hashInt(int64(k)), nil
		}
		return hashInt(int64(math.Float64bits(k))), nil
	case *big.Int:
		if k.IsInt64() {
			return hashInt(k.Int64()), nil
		}
		*work -= k.BitLen() / 8
		if f, acc := new(big.Float).SetInt(k).Float64(); acc == big.Exact {
			return hashInt(int64(math.Float64bits(f))), nil
		}
		return hashString(k.Bytes()), nil
	case *Tuple:
		// A tuple hashes by its items. Tuples nested in tuples could make this recurse without end.
		if depth >= maxKeyDepth {
			return 0, fmt.Errorf("got a tuple nested more than %d deep as a key: %w", maxKeyDepth, ErrDepth)
		}
		h := uint64(hashPointer) + uint64(len(k.Items))
		for _, item := range k.Items {
			ih, err := hash(item, work, depth+1)
			if err != nil {
				return 0, err
			}
			h = (h ^ ih) * 0x100000001b3
			h ^= h >> 31
		}

		return h, nil
	case *Global:
		*work -= len(k.Module) + len(k.Name)
		return hashString(k.Module) ^ hashString(k.Name)*hashPointer, nil
	// Python hashes an instance by its address, unless its class defines __hash__, which is not known here.
	case *Instance:
		return hashInt(int64(uintptr(unsafe.Pointer(k)))), nil
	case *Reduce:
		return hashInt(int64(uintptr(unsafe.Pointer(k)))), nil
	}

	// Lists and dicts: Python raises TypeError "unhashable type".
	return 0, fmt.Errorf("got %s as a key, which Python cannot hash", kind(key))
}

// sameKey is Python's equality between two values that hash accepts.
func sameKey(a, b Value) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	// A str and a unicode are equal where both hold the same ASCII text; beyond ASCII Python 2 warns and says no.
	case Str:
		switch b := b.(type) {
		case Str:
			return a == b
		case Unicode:
			return string(a) == string(b) && isASCII(string(a))
		}
		return false
	case Unicode:
		switch b := b.(type) {
		case Unicode:
			return a == b
		case Str:
			return string(a) == string(b) && isASCII(string(a))
		}
		return false
	// Two ints are the common case; everything else goes through exact numbers.
	case Int:
		if b, ok := b.(Int); ok {
			return a == b
		}
		return sameNumber(a, b)
	case bool, float64, *big.Int:
		return sameNumber(a, b)
	case *Tuple:
		// Tuples compare item by item; Python takes one and the same tuple as equal without looking.
		b, ok := b.(*Tuple)
		if !ok || len(a.Items) != len(b.Items) {
			return false
		}
		if a == b {
			return true
		}

		for i := range a.Items {
			if !sameKey(a.Items[i], b.Items[i]) {
				return false
			}
		}

		return true
	// Two references to one class are one object, from whatever GLOBAL they came.
	case *Global:
		b, ok := b.(*Global)
		return ok && *a == *b
	}

	// Instances and reductions: by identity.
	return a == b
}

func sameNumber(a, b Value) bool {
	x, xf := number(a)
	y, yf := number(b)
	switch {
	case x != nil && y != nil:
		return x.Cmp(y) == 0
	case x == nil && y == nil:
		return xf == yf && isNumber(b)
	case x != nil:
		return isNumber(b) && floatIsInt(yf, x)
	case !isNumber(b):
		return false
	default:
		return floatIsInt(xf, y)
	}
}

func isNumber(v Value) bool {
	switch v.(type) {
	case bool, Int, float64, *big.Int:
		return true
	}
	return false
}

func floatIsInt(f float64, n *big.Int) bool {
	if f != math.Trunc(f) || math.IsInf(f, 0) {
		return false
	}
	i, _ := big.NewFloat(f).Int(nil)
	return i.Cmp(n) == 0
}

// number returns an integer kind as a big.Int, a float as a float64.
func number(v Value) (*big.Int, float64) {
	switch v := v.(type) {
	case bool:
		if v {
			return big.NewInt(1), 0
		}
		return new(big.Int), 0
	case Int:
		return big.NewInt(int64(v)), 0
	case *big.Int:
		return v, 0
	case float64:
		return nil, v
	}

	return nil, math.NaN()
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
