package service

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"
)

// A fault that passes is waited for, and told once; another one ends the process.
func TestBeginsOnceItCan(t *testing.T) {
	retryEvery = time.Millisecond
	defer func() { retryEvery = 5 * time.Second }()
	full := fmt.Errorf("data: %w", syscall.ENOSPC)
	broken := errors.New("broken")
	ended, end := context.WithCancel(t.Context())
	end()

	for _, test := range []struct {
		wait  bool
		ctx   context.Context
		fails []error // then it can be done
		want  error
		tries int
		said  int
	}{
		{true, t.Context(), nil, nil, 1, 0},
		{true, t.Context(), []error{full, full, full}, nil, 4, 1},
		{true, t.Context(), []error{full, broken}, broken, 2, 1},
		{true, ended, []error{full, full, full, full, full, full, full, full}, full, 0, 1},
		{false, t.Context(), []error{full}, full, 1, 0},
	} {
		s := &Process{Wait: test.wait}
		var w bytes.Buffer
		tries := 0
		err := s.untilPossible(test.ctx, &w, func() error {
			if tries++; tries <= len(test.fails) {
				return test.fails[tries-1]
			}
			return nil
		})

		said := bytes.Count(w.Bytes(), []byte("\n"))
		if !errors.Is(err, test.want) || test.tries > 0 && tries != test.tries || said != test.said {
			t.Errorf("%v: got %v after %d tries and %d lines, need %v, %d and %d", test.fails, err, tries, said, test.want, test.tries, test.said)
		}
	}
}
