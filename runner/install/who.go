package install

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"
)

// who is a user with all groups, whose rights are looked up without becoming him.
type who struct {
	name string
	uid  uint32
	gids []uint32
}

// What one may do to a file, the bits of its mode for others.
const (
	mayEnter fs.FileMode = 1 << iota
	mayWrite
	mayRead
)

// lookup finds Mailman's user, with Mailman's group. The error is for one that
// this machine does not know.
func lookup(name, group string) (who, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return who{}, err
	}
	g, err := user.LookupGroup(group)
	if err != nil {
		return who{}, err
	}
	ids, err := u.GroupIds()
	if err != nil {
		return who{}, err
	}
	w := who{name: name}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	w.uid = uint32(uid)
	errs := []error{err}
	for _, id := range append(ids, g.Gid) {
		gid, err := strconv.ParseUint(id, 10, 32)
		w.gids = append(w.gids, uint32(gid))
		errs = append(errs, err)
	}
	return w, errors.Join(errs...)
}

// may returns an error unless the user may do all of want. Access lists beyond the
// mode are not looked at.
func (w who) may(path string, want fs.FileMode) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || w.uid == 0 {
		return nil
	}
	mode := info.Mode().Perm()
	switch {
	case st.Uid == w.uid:
		mode >>= 6
	case slices.Contains(w.gids, st.Gid):
		mode >>= 3
	}
	if mode&want == want {
		return nil
	}
	return fmt.Errorf("%s: had mode %v of user %d and group %d, wanted %s to be able to %s", path, info.Mode(), st.Uid, st.Gid, w.name, verbs(want))
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
