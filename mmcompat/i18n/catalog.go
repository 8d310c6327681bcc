package i18n

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
)

// catalog is one language's compiled messages, as in GNU gettext's .mo files. Go's gettext libraries convert them to
// UTF-8, but Mailman needs the bytes of the catalog's own charset.
type catalog struct {
	charset  string
	messages map[string]string
}

var errCatalog = errors.New("got a file that is no message catalog, need a .mo file")

// catalog loads a language's catalog when it is first needed. A language without a catalog has no messages, and so
// its texts are in English. The same holds for a catalog that cannot be opened now, as long as that lasts.
func (t *Texts) catalog(lang string) *catalog {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c := t.catalogs[lang]; c != nil {
		return c
	}

	c := &catalog{}
	// Python's gettext also tries the language without its territory.
	base, _, _ := strings.Cut(lang, "_")
	for _, name := range []string{lang, base} {
		if name == "" || strings.ContainsAny(name, "/\x00") {
			continue
		}
		file := filepath.Join(t.s.MessagesDir(), name, "LC_MESSAGES", "mailman.mo")
		b, err := disk.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}

		if err == nil {
			var read *catalog
			if read, err = parseCatalog(b); err == nil {
				c = read
			}
		}

		if err != nil {
			t.warn("message catalog %s: %v", file, err)
		}

		// A catalog that cannot be opened now may be read later, so it is not remembered as missing.
		if disk.Temporary(err) {
			return c
		}
		break
	}

	t.catalogs[lang] = c
	return c
}

// parseCatalog reads the .mo format of GNU gettext.
func parseCatalog(b []byte) (*catalog, error) {
	if len(b) < 20 {
		return nil, errCatalog
	}

	// The magic number says in which byte order the catalog was written (gettext.py tries both).
	var order binary.ByteOrder = binary.LittleEndian
	if order.Uint32(b) != 0x950412de {
		if order = binary.BigEndian; order.Uint32(b) != 0x950412de {
			return nil, errCatalog
		}
	}

	// The header: how many messages, and where the tables of ids and of translations begin.
	n, ids, texts := uint64(order.Uint32(b[8:])), uint64(order.Uint32(b[12:])), uint64(order.Uint32(b[16:]))
	at := func(table, i uint64) (string, bool) {
		p := table + 8*i
		if p+8 > uint64(len(b)) {
			return "", false
		}

		size, off := uint64(order.Uint32(b[p:])), uint64(order.Uint32(b[p+4:]))
		if off+size > uint64(len(b)) {
			return "", false
		}
		return string(b[off : off+size]), true
	}

	// A torn or hostile file must not ask for more memory than it has bytes.
	if n > uint64(len(b))/8 {
		return nil, errCatalog
	}
	c := &catalog{messages: make(map[string]string, n)}
	for i := range n {
		id, ok1 := at(ids, i)
		s, ok2 := at(texts, i)
		if !ok1 || !ok2 {
			return nil, errCatalog
		}

		// The translation of the empty id is the catalog's header, with its charset.
		if id == "" {
			c.charset = headerCharset(s)
		}

		// Of a plural only the first form is kept: Mailman never calls ngettext.
		id, _, _ = strings.Cut(id, "\x00")
		s, _, _ = strings.Cut(s, "\x00")
		c.messages[id] = s
	}

	return c, nil
}

func headerCharset(header string) string {
	for _, line := range strings.Split(header, "\n") {
		name, value, _ := strings.Cut(line, ":")
		if !strings.EqualFold(strings.TrimSpace(name), "content-type") {
			continue
		}
		if _, charset, ok := strings.Cut(value, "charset="); ok {
			return strings.TrimSpace(charset)
		}
	}

	return ""
}
