package i18n

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// compiled is a message catalog of one message.
func compiled(id, text string) []byte {
	const header, table = 28, 8
	b := make([]byte, header+2*table)
	at := uint32(len(b))
	for i, n := range []uint32{0x950412de, 0, 1, header, header + table, 0, 0, uint32(len(id)), at, uint32(len(text)), at + uint32(len(id)) + 1} {
		binary.LittleEndian.PutUint32(b[4*i:], n)
	}
	return append(b, id+"\x00"+text+"\x00"...)
}

// A catalog that cannot be read now is read as soon as it can be, not only by the
// next process.
func TestCatalogThatCannotBeReadNow(t *testing.T) {
	s := site.FromProfile(t.TempDir(), site.Builtin())
	file := filepath.Join(s.MessagesDir(), "de", "LC_MESSAGES", "mailman.mo")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}

	// The kernel has EIO for who reads there.
	if err := os.Symlink("/proc/self/mem", file); err != nil {
		t.Fatal(err)
	}

	if _, err := os.ReadFile(file); err == nil {
		t.Skip("/proc/self/mem can be read at 0 here")
	}

	warned := 0
	texts := New(s, func(string, ...any) { warned++ })
	if had := texts.Translate("de", "Yes"); had != "Yes" || warned != 1 {
		t.Errorf("got %q and %d warnings, need the English and 1", had, warned)
	}

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}

	if err := os.WriteFile(file, compiled("Yes", "Ja"), 0o644); err != nil {
		t.Fatal(err)
	}

	if had := texts.Translate("de", "Yes"); had != "Ja" {
		t.Errorf("got %q, need Ja", had)
	}
}
