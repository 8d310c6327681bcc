package main

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
)

func TestErrorsOfPermissionSayWhoToRunItAs(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root is refused nothing")
	}

	err := advised(newRoot(), []string{"drain", "--prefix", "/opt/a b", "it's"}, &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission})
	if !strings.HasSuffix(err.Error(), `mmrunner drain --prefix '/opt/a b' 'it'\''s'`) || !strings.Contains(err.Error(), "\nrun it as Mailman's user: sudo -u ") {
		t.Errorf("got %v", err)
	}

	if other := errors.New("other"); advised(newRoot(), nil, other) != other {
		t.Error("an error of another kind got advice")
	}
}
