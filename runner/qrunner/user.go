package qrunner

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// BecomeMailman makes a process of root one of Mailman's user and group, with
// the other groups that have the user as a member, as mailmanctl's check_privs
// does. It must come before a file is written. The error is for another user
// than Mailman's, and where Mailman's cannot be told.
func BecomeMailman(prefix string) error {
	u, gid, err := owner(prefix)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	switch os.Geteuid() {
	case uid:
		return nil
	case 0:
	default:
		return fmt.Errorf("had user id %d, wanted root or Mailman's user %s; -u runs as whoever started it", os.Geteuid(), u.Username)
	}
	ids, err := u.GroupIds()
	if err != nil {
		return err
	}
	groups := []int{gid}
	for _, id := range ids {
		if g, err := strconv.Atoi(id); err == nil && id != u.Gid {
			groups = append(groups, g)
		}
	}
	if err := syscall.Setgroups(groups); err != nil {
		return fmt.Errorf("setgroups: %w", err)
	}
	if err := syscall.Setgid(gid); err != nil {
		return fmt.Errorf("setgid: %w", err)
	}
	if err := syscall.Setuid(uid); err != nil {
		return fmt.Errorf("setuid: %w", err)
	}
	return nil
}

// owner is Mailman's user, and the id of Mailman's group. No profile is kept: it
// would be root's.
func owner(prefix string) (*user.User, int, error) {
	s, err := site.Open(prefix, site.Options{Watch: true})
	if err != nil {
		return nil, 0, err
	}
	if s.Problem != nil {
		return nil, 0, fmt.Errorf("%s: had no settings, wanted Mailman's user from them: %w", prefix, s.Problem)
	}
	u, err := user.Lookup(s.Str("MAILMAN_USER"))
	if err != nil {
		return nil, 0, err
	}
	g, err := user.LookupGroup(s.Str("MAILMAN_GROUP"))
	if err != nil {
		return nil, 0, err
	}
	gid, err := strconv.Atoi(g.Gid)
	return u, gid, err
}
