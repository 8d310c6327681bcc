package status

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// A process in a container has another tree under the site's name; one that names no site is at work on the one that
// mmrunner finds by itself.
func TestRunnersOfOtherTreesAreNotTheSites(t *testing.T) {
	s := site.FromProfile(t.TempDir(), site.Builtin())
	put(t, filepath.Join(s.QueueDir("bounces"), "x.pck"), "")
	qrunner := filepath.Join(s.Str("BIN_DIR"), "qrunner")
	proc := fakeProc(t, map[int][]string{
		12: {"/opt/python2.7", qrunner, "--runner=BounceRunner:0:1", "-s"},
		13: {"/opt/python2.7", qrunner, "--runner=CommandRunner:0:1", "-s"},
		14: {"/opt/mmrunner", "run", "--prefix", s.Prefix, "VirginRunner"},
		15: {"/opt/mmrunner", "run", "OutgoingRunner"},
	})

	// 12 has this host's tree, 13 one with the same names, 14 one without them.
	same := t.TempDir()
	put(t, filepath.Join(same, s.QueueDir("bounces"), "x.pck"), "")
	for pid, root := range map[int]string{12: "/", 13: same, 14: t.TempDir(), 15: "/"} {
		if err := os.Symlink(root, filepath.Join(proc, strconv.Itoa(pid), "root")); err != nil {
			t.Fatal(err)
		}
	}

	runners, _ := Runners(s, Options{Host: "here", Proc: proc})
	if len(runners) != 1 || runners[0].PID != 12 {
		t.Errorf("got %+v, need process 12 alone", runners)
	}
}
