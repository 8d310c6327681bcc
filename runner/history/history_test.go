package history

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestOldestCommitsAreForgotten(t *testing.T) {
	dir := t.TempDir()
	start := time.Unix(1e9, 0).UTC()
	rings := []*Ring{Open(dir, "BounceRunner", 0, 1), Open(dir, "CommandRunner", 1, 2)}
	const n = 1000
	for i := range n {
		c := Commit{At: start.Add(time.Duration(i) * time.Second), Runner: "BounceRunner", List: "test", Entries: i, Outcomes: map[string]int{"registered": i}}
		if err := rings[i%2].Add(c); err != nil {
			t.Fatal(err)
		}
	}

	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 {
		t.Fatalf("got %v, %v, need a file for each of the two", files, err)
	}

	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Size() > maxBytes {
			t.Errorf("%s: got %d bytes, %v, need less than %d", f.Name(), info.Size(), err, maxBytes)
		}
	}

	// A torn line, as a crash may leave it.
	f, err := os.OpenFile(filepath.Join(dir, files[0].Name()), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := f.WriteString(`{"at":"20`); err != nil {
		t.Fatal(err)
	}

	f.Close()
	all, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}

	if len(all) < 2*keep {
		t.Fatalf("got %d commits, need at least %d of each", len(all), keep)
	}

	for i, c := range all {
		if want := n - len(all) + i; i > len(all)-keep && (c.Entries != want || c.Outcomes["registered"] != want) {
			t.Errorf("commit %d of %d: got %+v, need number %d", i, len(all), c, want)
		}
	}
}
