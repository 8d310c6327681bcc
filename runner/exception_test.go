package runner_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/runner"
)

type lines []string

func (l *lines) Printf(log, format string, a ...any) {
	*l = append(*l, log+": "+fmt.Sprintf(format, a...))
}

// The error log has an exception's own class, wherever in the tree it comes from and
// however it was wrapped on its way.
func TestLogHasTheClassOfAnException(t *testing.T) {
	for _, c := range []struct {
		err         error
		text, class string
	}{
		{py.NoAttribute(nil, "cookie"), "'NoneType' object has no attribute 'cookie'", "AttributeError: 'NoneType' object has no attribute 'cookie'"},
		{py.KeyError("it's"), `"it's"`, `KeyError: "it's"`},
		{fmt.Errorf("list x: %w", maillist.ErrNotAMember.With("a@b")), "a@b", "NotAMemberError: a@b"},
		{maillist.ErrCantDigest, "", "CantDigestError"},
		{py.DecodeASCII("\xe4"), "'ascii' codec can't decode byte 0xe4 in position 0: ordinal not in range(128)",
			"UnicodeDecodeError: 'ascii' codec can't decode byte 0xe4 in position 0: ordinal not in range(128)"},
	} {
		var had lines
		runner.LogException(&had, c.err)
		want := lines{"error: Uncaught runner exception: " + c.text, "error: " + c.class + "\n"}
		if !slices.Equal(had, want) {
			t.Errorf("got %q, want %q", had, want)
		}
	}

	var had lines
	runner.LogException(&had, errors.New("no space"))

	if want := (lines{"error: Uncaught runner exception: no space"}); !slices.Equal(had, want) {
		t.Errorf("got %q, want %q", had, want)
	}
}
