package install

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/privilege"
)

// What a user may do to a file, as the bits of the mode for other users.
const (
	mayEnter fs.FileMode = 1 << iota
	mayWrite
	mayRead
)

// may returns an error unless the user may do all of want. Access lists beyond the mode do not count.
func may(u privilege.User, path string, want fs.FileMode) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}

	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || u.UID == 0 {
		return nil
	}
	mode := info.Mode().Perm()
	switch {
	case int(st.Uid) == u.UID:
		mode >>= 6
	case slices.Contains(u.Groups, int(st.Gid)):
		mode >>= 3
	}

	if mode&want == want {
		return nil
	}

	return fmt.Errorf("%s: got mode %v of user %d and group %d, need %s to be able to %s", path, info.Mode(), st.Uid, st.Gid, u.Name, verbs(want))
}

func verbs(want fs.FileMode) string {
	s := ""
	for _, v := range []struct {
		bit  fs.FileMode
		verb string
	}{{mayRead, "read"}, {mayWrite, "write to"}, {mayEnter, "enter or execute"}} {
		if want&v.bit == 0 {
			continue
		}

		if s != "" {
			s += " and "
		}

		s += v.verb
	}

	return s + " it"
}
