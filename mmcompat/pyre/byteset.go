package pyre

import (
	"math/bits"
	"strings"
)

// byteSet is a set of bytes.
type byteSet [4]uint64

func (b *byteSet) add(c byte)      { b[c>>6] |= 1 << (c & 63) }
func (b *byteSet) has(c byte) bool { return b[c>>6]&(1<<(c&63)) != 0 }

func (b *byteSet) addRange(lo, hi int) {
	for c := lo; c <= hi; c++ {
		b.add(byte(c))
	}
}

func (b *byteSet) union(o byteSet) {
	for i := range b {
		b[i] |= o[i]
	}
}

func (b byteSet) not() byteSet {
	for i := range b {
		b[i] = ^b[i]
	}
	return b
}

// less returns the bytes of b that are not in o.
func (b byteSet) less(o byteSet) byteSet {
	for i := range b {
		b[i] &^= o[i]
	}
	return b
}

func (b *byteSet) len() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

func (b *byteSet) intersects(o *byteSet) bool {
	return b[0]&o[0] != 0 || b[1]&o[1] != 0 || b[2]&o[2] != 0 || b[3]&o[3] != 0
}

// in tells whether s has a byte of the set. It is meant for small sets.
func (b *byteSet) in(s string) bool {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			if strings.IndexByte(s, byte(i<<6+bits.TrailingZeros64(w))) >= 0 {
				return true
			}
		}
	}
	return false
}

// The categories of sre: _sre.c's SRE_CATEGORY tables for bytes, and for the U flag the properties of the first 256
// code points in Python's unicode database.

func asciiSpace() (b byteSet) {
	b.addRange('\t', '\r')
	b.add(' ')
	return b
}

func asciiDigit() (b byteSet) {
	b.addRange('0', '9')
	return b
}

func asciiWord() (b byteSet) {
	b.addRange('0', '9')
	b.addRange('a', 'z')
	b.addRange('A', 'Z')
	b.add('_')
	return b
}

func latinSpace() byteSet {
	b := asciiSpace()
	b.addRange(0x1c, 0x1f)
	b.add(0x85)
	b.add(0xa0)
	return b
}

func latinWord() byteSet {
	b := asciiWord()
	for _, c := range []byte{0xaa, 0xb2, 0xb3, 0xb5, 0xb9, 0xba, 0xbc, 0xbd, 0xbe} {
		b.add(c)
	}
	b.addRange(0xc0, 0xd6)
	b.addRange(0xd8, 0xf6)
	b.addRange(0xf8, 0xff)
	return b
}

func wordSet(f Flags) *byteSet {
	b := asciiWord()
	if unicodeRules(f) {
		b = latinWord()
	}
	return &b
}

// unicodeRules tells whether the U flag decides what a letter is: in sre_compile the L flag wins over it. The locale
// is the C locale, as Mailman sets no other.
func unicodeRules(f Flags) bool { return f&Unicode != 0 && f&Locale == 0 }

// category returns the bytes of \d, \s or \w by its letter; an upper-case letter stands for all other bytes.
func category(letter byte, f Flags) byteSet {
	var b byteSet
	switch letter | 0x20 {
	case 'd':
		b = asciiDigit()
	case 's':
		b = asciiSpace()
		if unicodeRules(f) {
			b = latinSpace()
		}
	case 'w':
		b = *wordSet(f)
	}

	if letter < 'a' {
		return b.not()
	}

	return b
}

// lower folds a byte as _sre.getlower does. It checks the U flag before L, and not L first like the categories; in
// the C locale both orders are the same for ASCII.
func lower(c byte, f Flags) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 0x20
	}
	if unicodeRules(f) && c >= 0xc0 && c <= 0xde && c != 0xd7 {
		return c + 0x20
	}
	return c
}
