package engine

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Temporary files go when the process that they are named after is gone, and no
// other file does.
func TestLeftoversOfDeadProcessesGo(t *testing.T) {
	s := newSite(t, "a")
	e, _ := harness(t, s)
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Skip(err)
	}

	dead, alive, host := cmd.Process.Pid, os.Getpid(), e.Env.Host()
	want := []string{"config.pck"}
	for _, f := range []struct {
		name  string
		stays bool
	}{
		{fmt.Sprintf("config.pck.tmp.%s.%d", host, dead), false},
		{fmt.Sprintf("config.pck.tmp.%s.%d", host, alive), true},
		{fmt.Sprintf("config.pck.tmp.other.%s.%d", host, dead), true},
		{fmt.Sprintf("config.pck.tmp.%s.%d.5", host, dead), true}, // the journal's business
		{fmt.Sprintf("pending.pck.tmp.%d.1700000000", dead), false},
		{fmt.Sprintf("pending.pck.tmp.%d.1700000000", alive), true},
		{fmt.Sprintf("pending.pck.tmp.%s.%d", host, dead), true},
		{fmt.Sprintf("other.tmp.%d", dead), true},
	} {
		if err := os.WriteFile(filepath.Join(s.ListDataDir(), "a", f.name), nil, 0o660); err != nil {
			t.Fatal(err)
		}
		if f.stays {
			want = append(want, f.name)
		}
	}

	entry := filepath.Join(e.Queue.Dir(), "1.0+a.pck.tmp")
	if err := os.WriteFile(entry, nil, 0o660); err != nil {
		t.Fatal(err)
	}

	e.removeLeftovers()
	var had []string
	left, err := os.ReadDir(filepath.Join(s.ListDataDir(), "a"))
	if err != nil {
		t.Fatal(err)
	}

	for _, f := range left {
		had = append(had, f.Name())
	}
	slices.Sort(want)
	if d := cmp.Diff(want, had); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}

	if _, err := os.Stat(entry); err != nil {
		t.Errorf("an entry that may still be written is gone: %v", err)
	}
}
