package install

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestMay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	st := info.Sys().(*syscall.Stat_t)
	owner := who{name: "owner", uid: st.Uid, gids: []uint32{st.Gid + 1}}
	member := who{name: "member", uid: st.Uid + 1, gids: []uint32{st.Gid + 1, st.Gid}}
	other := who{name: "other", uid: st.Uid + 1, gids: []uint32{st.Gid + 1}}
	for _, tt := range []struct {
		w    who
		mode os.FileMode
		want os.FileMode
		may  bool
	}{
		{member, 0o060, mayRead | mayWrite, true}, {member, 0o606, mayRead, false}, {member, 0o020, mayRead | mayWrite, false},
		{other, 0o004, mayRead, true}, {other, 0o660, mayRead, false}, {other, 0o001, mayEnter, true},
		{owner, 0o600, mayRead | mayWrite, true},
	} {
		if err := os.Chmod(file, tt.mode); err != nil {
			t.Fatal(err)
		}
		err := tt.w.may(file, tt.want)
		if (err == nil) != tt.may {
			t.Errorf("%s, mode %o, %s: had error %v", tt.w.name, tt.mode, verbs(tt.want), err)
		}
		if err != nil && !strings.Contains(err.Error(), tt.w.name) {
			t.Errorf("had error %v, wanted it to name %s", err, tt.w.name)
		}
	}
}
