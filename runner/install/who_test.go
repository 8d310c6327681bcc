package install

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/privilege"
)

func TestWhetherAUserMayUseAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}

	st := info.Sys().(*syscall.Stat_t)
	owner := privilege.User{Name: "owner", UID: int(st.Uid), Groups: []int{int(st.Gid) + 1}}
	member := privilege.User{Name: "member", UID: int(st.Uid) + 1, Groups: []int{int(st.Gid) + 1, int(st.Gid)}}
	other := privilege.User{Name: "other", UID: int(st.Uid) + 1, Groups: []int{int(st.Gid) + 1}}
	for _, tt := range []struct {
		u    privilege.User
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

		err := may(tt.u, file, tt.want)
		if (err == nil) != tt.may {
			t.Errorf("%s, mode %o, %s: got error %v", tt.u.Name, tt.mode, verbs(tt.want), err)
		}

		if err != nil && !strings.Contains(err.Error(), tt.u.Name) {
			t.Errorf("got error %v, need it to name %s", err, tt.u.Name)
		}
	}
}
