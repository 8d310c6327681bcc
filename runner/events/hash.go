package events

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mmrunner/mmrunner/runner/settings"
)

// keyFile has the key of the hashes of addresses.
const keyFile = "mmrunner-events.key"

func (r *Recorder) mask(addr string) string {
	if addr == "" || r.privacy == settings.Omit {
		return ""
	}
	return hashOf(r.key, addr)
}

func hashOf(key []byte, addr string) string {
	h := hmac.New(sha256.New, key)
	io.WriteString(h, strings.ToLower(addr))
	return "h:" + hex.EncodeToString(h.Sum(nil)[:8])
}

// readKey reads the key of hashes, and makes one if there is none and it may.
func readKey(dataDir string, create bool) ([]byte, error) {
	name := filepath.Join(dataDir, keyFile)
	for {
		b, err := os.ReadFile(name)
		if err == nil && len(b) >= 32 {
			return b, nil
		}
		if err == nil {
			return nil, fmt.Errorf("%s: got %d bytes, need 32", name, len(b))
		}
		if !create || !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}

		// Two processes may both be the first.
		key := make([]byte, 32)
		rand.Read(key)
		tmp, err := os.CreateTemp(dataDir, keyFile+".*")
		if err != nil {
			return nil, err
		}

		_, err = tmp.Write(key)
		err = errors.Join(err, tmp.Close())
		if err == nil {
			err = os.Link(tmp.Name(), name)
		}

		if e := os.Remove(tmp.Name()); err == nil || errors.Is(err, fs.ErrExist) {
			err = e
		}

		if err != nil {
			return nil, err
		}
	}
}

// Names gives the names under which members may stand in a site's events.
type Names struct{ key []byte }

// NewNames reads the key of hashes. Without that file no address was ever hashed.
func NewNames(dataDir string) Names {
	key, _ := readKey(dataDir, false)
	return Names{key}
}

// Of returns the names of an address, in the form of [Event.Key].
func (n Names) Of(addr string) []string {
	names := []string{strings.ToLower(addr)}
	if n.key != nil {
		names = append(names, hashOf(n.key, addr))
	}
	return names
}

// Key is the event's member in a form in which two can be compared.
func (e Event) Key() string { return strings.ToLower(e.Member) }
