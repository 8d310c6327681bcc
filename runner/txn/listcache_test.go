package txn

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
)

// A transaction that reads thousands of lists must not keep them all.
func TestListCacheIsBounded(t *testing.T) {
	st := site.FromProfile(t.TempDir(), site.Builtin())
	var s listCache
	for i := range 6 {
		name := fmt.Sprint("list", i)
		d := pickle.NewDict()
		d.SetStr("data_version", pickle.Int(st.Profile.DataFileVersion))
		d.SetStr("info", pickle.Str(make([]byte, cacheBytes*2/5)))
		b, err := pickle.Dump(d, 1)
		if err != nil {
			t.Fatal(err)
		}

		dir := filepath.Join(st.ListDataDir(), name)
		if err := os.MkdirAll(dir, 0o770); err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(filepath.Join(dir, "config.pck"), b, 0o660); err != nil {
			t.Fatal(err)
		}

		l, err := maillist.Open(st, name, maillist.Options{})
		if err != nil {
			t.Fatal(err)
		}

		s.put(name, l)
		if i > 0 && i < 3 && s.get("list0") == nil {
			t.Errorf("list0 was let go at list%d", i)
		}
	}

	// list0 was asked for until list3 came; two fit beside the last.
	for i, want := range []bool{false, false, false, true, true, true} {
		if had := s.lists[fmt.Sprint("list", i)] != nil; had != want {
			t.Errorf("list%d: got kept %v, need %v", i, had, want)
		}
	}

	s.drop("list4")
	if s.get("list4") != nil || len(s.order) != 2 {
		t.Errorf("got %v after a drop, need list3 and list5", s.order)
	}
}
