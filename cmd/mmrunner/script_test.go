package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mmrunner/mmrunner/mmcompat/mmtest"
)

// TestScripts runs the shell sessions in testdata, each on a Mailman of its own
// with a site list, at $PREFIX.
func TestScripts(t *testing.T) {
	mmtest.Prefix(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			prefix := mmtest.Clone(t)
			mmtest.MakeLists(t, prefix, mmtest.ListSpec{Name: "mailman"})
			env.Setenv("PREFIX", prefix)
			env.Setenv("MAILMAN_PREFIX", prefix)
			return own(filepath.Join(prefix, "Mailman", "mm_cfg.py"))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"mode":   checkMode,
			"append": appendFile,

			"waitsocket": waitSocket,
		},
	})
}

// own makes the user who runs the test Mailman's user: no other may enter its directories.
func own(config string) error {
	u, err := user.Current()
	if err != nil {
		return err
	}

	g, err := user.LookupGroupId(u.Gid)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(config)
	if err != nil {
		return err
	}

	b = fmt.Appendf(b, "\nMAILMAN_USER = %q\nMAILMAN_GROUP = %q\n", u.Username, g.Name)
	return errors.Join(os.WriteFile(config, b, 0o640), os.Chmod(config, 0o640))
}

// checkMode is "mode FILE OCTAL".
func checkMode(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.ParseUint(args[1], 8, 32)
	ts.Check(err)
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if had := info.Mode().Perm(); (had == fs.FileMode(want)) == neg {
		ts.Fatalf("%s: got mode %o", args[0], had)
	}
}

// appendFile is "append FILE OTHER": it adds what OTHER holds.
func appendFile(ts *testscript.TestScript, neg bool, args []string) {
	f, err := os.OpenFile(ts.MkAbs(args[0]), os.O_WRONLY|os.O_APPEND, 0)
	ts.Check(err)
	defer f.Close()
	_, err = f.WriteString(ts.ReadFile(args[1]))
	ts.Check(err)
}

// waitSocket is "waitsocket PATH": it waits until something listens there.
func waitSocket(ts *testscript.TestScript, neg bool, args []string) {
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("unix", ts.MkAbs(args[0]))
		if err == nil {
			c.Close()
			return
		}

		if time.Now().After(end) {
			ts.Fatalf("%v", err)
		}
	}
}
