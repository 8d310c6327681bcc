// Command mmpost puts a message into Mailman's queues from a pipe alias, in the place of Mailman's wrapper and its
// Python scripts: for sites that cannot have their mail server speak LMTP to mmrunner.
//
//	mmpost SCRIPT LIST < message
//
// SCRIPT is one of the wrapper's: post, bounces, admin, confirm, join, leave, owner, request, subscribe, unsubscribe.
// It is installed setgid in the wrapper's place and reads mmpost.conf beside itself, which `mmrunner lmtp --config pipe`
// prints. The exit statuses are those of sysexits.h; whatever is wrong here is EX_TEMPFAIL, so that the mail server
// keeps the message and tries again.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/intake"
)

// Exit statuses of sysexits.h.
const (
	exUsage    = 64
	exNoUser   = 67
	exTempFail = 75
)

// failure is an error with its exit status.
type failure struct {
	status int
	err    error
}

func (f *failure) Error() string { return f.err.Error() }

func main() {
	// What the environment says of files and Go is the caller's, and this program may be setgid.
	syscall.Umask(0o007)
	err := run(os.Args[1:], os.Stdin)
	if err == nil {
		return
	}

	fmt.Fprintln(os.Stderr, "mmpost: "+err.Error())
	var f *failure
	if errors.As(err, &f) {
		os.Exit(f.status)
	}

	os.Exit(exTempFail)
}

// run queues the message. An error that is no *failure may pass.
func run(args []string, message io.Reader) error {
	if len(args) != 2 {
		return &failure{exUsage, fmt.Errorf("got %d arguments, need SCRIPT LIST; `mmrunner lmtp --config pipe` says how it is installed", len(args))}
	}
	script, ok := intake.ByName(args[0])
	if !ok {
		return &failure{exUsage, fmt.Errorf("script %q: need one of Mailman's, such as post or bounces", args[0])}
	}

	settings, groups, err := readConfig()
	if err != nil {
		return err
	}
	if err := checkCaller(groups); err != nil {
		return err
	}

	list := strings.ToLower(args[1])
	there, err := settings.ListExists(list)
	if err != nil {
		return err
	}
	if !there {
		return &failure{exNoUser, fmt.Errorf("no list %q", args[1])}
	}

	text, err := io.ReadAll(message)
	if err != nil {
		return err
	}
	var clock intake.Clock
	entry, err := settings.Entry(script, list, string(text), clock.Now())
	if err != nil {
		return err
	}

	return entry.Enqueue()
}

// readConfig reads mmpost.conf beside the program. It decides where mail goes, so only root and the program's
// owner may have written it.
func readConfig() (*intake.Settings, []string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}

	path := filepath.Join(filepath.Dir(self), "mmpost.conf")
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("%w; `mmrunner lmtp --config pipe` prints it", err)
	}
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}

	program, err := os.Stat(self)
	if err != nil {
		return nil, nil, err
	}
	owner, mine := info.Sys().(*syscall.Stat_t).Uid, program.Sys().(*syscall.Stat_t).Uid
	if info.Mode().Perm()&0o022 != 0 || owner != 0 && owner != mine {
		return nil, nil, fmt.Errorf("%s has mode %v and owner %d, need a file that only root may write", path, info.Mode(), owner)
	}

	var groups []string
	settings, err := intake.Parse(f, func(word, value string) error {
		if word != "parent-group" {
			return fmt.Errorf("unknown word %q", word)
		}
		groups = append(groups, value)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}

	return settings, groups, nil
}

// checkCaller is check_caller of Mailman's src/common.c: only the mail server's group may queue mail.
func checkCaller(groups []string) error {
	id := strconv.Itoa(os.Getgid())
	name := id

	if g, err := user.LookupGroupId(id); err == nil {
		name = g.Name
	}

	if slices.Contains(groups, name) || slices.Contains(groups, id) {
		return nil
	}
	return fmt.Errorf("group mismatch: run by group %s, need one of %s, as mmpost.conf has them in parent-group",
		name, strings.Join(groups, ", "))
}
