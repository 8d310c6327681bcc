// Package mailcheck compares how package message and Python see mail: both are given
// a message and mutations of it, and their answers are compared word for word.
package mailcheck

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/mmrunner/mmrunner/pickle"
)

// sample is a message to begin with.
type sample struct{ Name, Text string }

// Difference is a message that Python and Go see differently: the first fact
// they differ in.
type Difference struct {
	Name       string
	Text       string
	Python, Go string
}

func (d Difference) String() string {
	return fmt.Sprintf("%s\n\tPython: %s\n\tGo:     %s", d.Name, short(d.Python), short(d.Go))
}

func short(s string) string {
	const most = 600
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

// Compare tells both of one message; nil if they agree.
func (p *python) Compare(s sample) (*Difference, error) {
	want, err := p.Facts(s.Text)
	if err != nil {
		return nil, err
	}

	have := Facts(p.Charsets, s.Text)
	for i := range max(len(want), len(have)) {
		w, h := at(want, i), at(have, i)
		if w == h || samePickle(w, h) {
			continue
		}

		k := 0
		for k < len(w) && k < len(h) && w[k] == h[k] {
			k++
		}
		if k = max(0, k-200); k > 0 {
			head, _, _ := strings.Cut(w, " ")
			w, h = head+" ..."+w[k:], head+" ..."+h[k:]
		}

		return &Difference{s.Name, s.Text, w, h}, nil
	}

	return nil, nil
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// samePickle tells whether two pickle facts hold equal values.
func samePickle(a, b string) bool {
	x, ok := unpickle(a)
	y, ok2 := unpickle(b)
	return ok && ok2 && pickle.Equal(x, y)
}

func unpickle(fact string) (pickle.Value, bool) {
	s, ok := strings.CutPrefix(fact, "pickle ")
	if !ok {
		return nil, false
	}

	b, err := hex.DecodeString(s)
	if err != nil {
		return nil, false
	}
	v, rest, err := pickle.Load(b)
	return v, err == nil && len(bytes.TrimSpace(rest)) == 0
}

// Run compares the samples themselves and then n mutations of them, made from
// seed; each is told of every difference. stop ends it early.
func (p *python) Run(samples []sample, seed uint64, n int, each func(Difference) (stop bool)) (done int, err error) {
	m := newMutator(samples, newRand(seed))
	for i := range len(samples) + n {
		var s sample
		if i < len(samples) {
			s = samples[i]
		} else {
			s = m.Next()
			s.Name = fmt.Sprintf("seed %d mutation %d of %s", seed, i-len(samples)+1, s.Name)
		}

		d, err := p.Compare(s)
		if err != nil {
			return done, fmt.Errorf("%s: %w", s.Name, err)
		}
		done++
		if d != nil && each(*d) {
			return done, nil
		}
	}

	return done, nil
}
