package pickle

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"unsafe"
)

func (w *writer) bool(v bool) {
	switch {
	case w.proto == 2 && v:
		w.out = append(w.out, opNewTrue)
	case w.proto == 2:
		w.out = append(w.out, opNewFalse)
	case v:
		w.out = append(w.out, "I01\n"...)
	default:
		w.out = append(w.out, "I00\n"...)
	}
}

func (w *writer) int(n int64) {
	switch {
	case w.proto == 0 || n != int64(int32(n)):
		// An int of more than 32 bits has no binary form.
		w.out = append(strconv.AppendInt(append(w.out, opInt), n, 10), '\n')
	case 0 <= n && n < 1<<8:
		w.out = append(w.out, opBinInt1, byte(n))
	case 0 <= n && n < 1<<16:
		w.out = append(w.out, opBinInt2, byte(n), byte(n>>8))
	default:
		w.out = binary.LittleEndian.AppendUint32(append(w.out, opBinInt), uint32(n))
	}
}

func (w *writer) long(n *big.Int) {
	if w.proto < 2 {
		w.out = append(n.Append(append(w.out, opLong), 10), 'L', '\n')
		return
	}
	s := encodeLong(n)
	if len(s) < 256 {
		w.out = append(w.out, opLong1, byte(len(s)))
	} else {
		w.out = binary.LittleEndian.AppendUint32(append(w.out, opLong4), uint32(len(s)))
	}

	w.out = append(w.out, s...)
}

// encodeLong returns the shortest two's complement, the lowest byte first, and no bytes for 0.
func encodeLong(n *big.Int) []byte {
	if n.Sign() == 0 {
		return nil
	}
	x := n

	if n.Sign() < 0 {
		x = new(big.Int).Not(n) // the same bits, inverted
	}

	s := x.FillBytes(make([]byte, x.BitLen()/8+1))
	slices.Reverse(s)
	if n.Sign() < 0 {
		for i := range s {
			s[i] = ^s[i]
		}
	}

	return s
}

func (w *writer) str(s string) error {
	switch {
	case w.proto == 0:
		w.out = append(appendQuoted(append(w.out, opString), s), '\n')
		return nil
	case len(s) < 256:
		w.out = append(w.out, opShortBinString, byte(len(s)))
	case len(s) > math.MaxInt32:
		return fmt.Errorf("pickle: got a str of %d bytes, need at most %d", len(s), math.MaxInt32)
	default:
		w.out = binary.LittleEndian.AppendUint32(append(w.out, opBinString), uint32(len(s)))
	}

	w.out = append(w.out, s...)
	return nil
}

func (w *writer) unicode(u Unicode) error {
	if i := wtf8Error(unsafe.Slice(unsafe.StringData(string(u)), len(u))); i >= 0 {
		return fmt.Errorf("pickle: got a Unicode with byte %#02x at %d, need UTF-8", u[i], i)
	}
	if w.proto == 0 {
		w.out = append(appendRawUnicode(append(w.out, opUnicode), u), '\n')
		return nil
	}
	if len(u) > math.MaxInt32 {
		return fmt.Errorf("pickle: got a unicode of %d bytes, need at most %d", len(u), math.MaxInt32)
	}

	w.out = append(binary.LittleEndian.AppendUint32(append(w.out, opBinUnicode), uint32(len(u))), u...)
	return nil
}
