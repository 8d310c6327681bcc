package privilege

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// User is whom a process of root becomes.
type User struct {
	Name   string
	UID    int
	GID    int   // of MAILMAN_GROUP
	Groups []int // all of them, GID among them

	primary int   // the group that the system's table has for the user
	own     []int // the groups that it has the user in
}

// stateDirs are the settings that say where an installation's state is, and where each is below VAR_PREFIX unless a
// setting says otherwise.
var stateDirs = map[string]string{
	"LIST_DATA_DIR": "lists", "LOG_DIR": "logs", "LOCK_DIR": "locks", "DATA_DIR": "data", "QUEUE_DIR": "qfiles",
}

// Find returns the user that an installation is worked on as. root is true where root itself may: no other user can change
// anything of the installation. It executes nothing. The error says why the user cannot be told, and what to do.
func Find(prefix string) (u User, root bool, err error) {
	root, err = rootsInstallation(prefix)
	if root || err != nil {
		return User{}, root, err
	}
	if u, err = named(prefix); err != nil {
		return User{}, false, fmt.Errorf("cannot tell as which user to work on %s, and root must not: %w; start mmrunner as Mailman's user", prefix, err)
	}
	return u, false, nil
}

// rootsInstallation tells whether code, settings and state are root's alone, as far as settings files say in plain
// strings where the state is.
func rootsInstallation(prefix string) (bool, error) {
	dirs := []string{prefix, filepath.Join(prefix, "bin", "qrunner")}
	dirs = append(dirs, settingsFiles(prefix)...)
	variable := prefix

	if v, ok, err := literal(prefix, "VAR_PREFIX"); err == nil && ok {
		variable = v
	}

	for name, usual := range stateDirs {
		dir := filepath.Join(variable, usual)
		if v, ok, err := literal(prefix, name); err == nil && ok {
			dir = v
		}
		dirs = append(dirs, dir)
	}

	for _, dir := range dirs {
		if alone, err := RootsAlone(dir); !alone || err != nil {
			return false, err
		}
	}

	return true, nil
}

// named returns the user that the settings name, if those who can write the settings may name that one.
func named(prefix string) (User, error) {
	name, err := required(prefix, "MAILMAN_USER")
	if err != nil {
		return User{}, err
	}

	group, err := required(prefix, "MAILMAN_GROUP")
	if err != nil {
		return User{}, err
	}
	u, err := Lookup(name, group)
	if err != nil {
		return User{}, err
	}
	if u.UID == 0 {
		return User{}, fmt.Errorf("got MAILMAN_USER %s, need another user than root", name)
	}

	// Who may replace a directory above the prefix is root's choice; what they put there is still their own.
	var settings writers
	top, err := filepath.EvalSymlinks(prefix)
	if err != nil {
		return User{}, err
	}

	for _, file := range settingsFiles(top) {
		if _, err := settings.along(top, file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return User{}, err
		}
	}

	if settings.rootOnly() {
		return u, nil
	}
	if err := settings.checkFor(u); err != nil {
		return User{}, fmt.Errorf("MAILMAN_USER is %s, but %w", name, err)
	}
	if !slices.Contains(u.own, u.GID) {
		return User{}, fmt.Errorf("got MAILMAN_GROUP %s, need a group that %s is a member of", group, name)
	}

	return u, nil
}

func required(prefix, name string) (string, error) {
	value, ok, err := literal(prefix, name)
	if err != nil {
		return "", err
	}
	if !ok || value == "" {
		return "", fmt.Errorf("got no %s in mm_cfg.py or Defaults.py, need one", name)
	}
	return value, nil
}

// Lookup finds a user with all groups, and another group for its files, as mailmanctl's check_privs does. The error
// is for one that this machine does not know.
func Lookup(name, group string) (User, error) {
	entry, err := user.Lookup(name)
	if err != nil {
		return User{}, err
	}

	g, err := user.LookupGroup(group)
	if err != nil {
		return User{}, err
	}
	ids, err := entry.GroupIds()
	if err != nil {
		return User{}, err
	}

	u := User{Name: name}
	var errs []error
	number := func(text string) int {
		n, err := strconv.Atoi(text)
		errs = append(errs, err)
		return n
	}

	u.UID, u.GID, u.primary = number(entry.Uid), number(g.Gid), number(entry.Gid)
	u.own = []int{u.primary}
	for _, id := range ids {
		u.own = append(u.own, number(id))
	}
	u.Groups = append([]int{u.GID}, u.own...)
	slices.Sort(u.Groups)
	u.Groups = slices.Compact(u.Groups)

	return u, errors.Join(errs...)
}

// Become makes this process of root one of the user's, with its groups, for good. It also parts the process from its
// terminal, on which programs of the user could otherwise type for root (TIOCSTI). The error says which step
// failed; the process must end then.
func (u User) Become() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("got user id %d, need root", os.Geteuid())
	}
	leaveTerminal()

	for _, step := range []struct {
		name string
		call func() error
	}{
		// Package syscall has all threads of the process do it. A call of root's sets the real, effective and saved id.
		{"setgroups", func() error { return syscall.Setgroups(u.Groups) }},
		{"setgid", func() error { return syscall.Setgid(u.GID) }},
		{"setuid", func() error { return syscall.Setuid(u.UID) }},
	} {
		if err := step.call(); err != nil {
			return fmt.Errorf("becoming user %s: %s: %w", u.Name, step.name, err)
		}
	}

	if syscall.Setuid(0) == nil || os.Geteuid() != u.UID || os.Getuid() != u.UID {
		return fmt.Errorf("becoming user %s: root's rights are still there", u.Name)
	}

	return nil
}

// Credential makes a child process the user's.
func (u User) Credential() *syscall.Credential {
	c := &syscall.Credential{Uid: uint32(u.UID), Gid: uint32(u.GID)}
	for _, g := range u.Groups {
		c.Groups = append(c.Groups, uint32(g))
	}
	return c
}

// leaveTerminal gives the controlling terminal up. Open files on it go on working, and ^C still reaches the process.
func leaveTerminal() {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return // there is none
	}
	defer tty.Close()

	// A leader of a session would end its session by it; a program that a shell started is none.
	if sid, err := unix.Getsid(0); err != nil || sid == os.Getpid() {
		return
	}
	_ = unix.IoctlSetInt(int(tty.Fd()), unix.TIOCNOTTY, 0)
}
