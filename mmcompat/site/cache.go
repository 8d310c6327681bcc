package site

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// cacheName is the file beside the installation's data that keeps its profile.
const cacheName = "mmrunner-profile.json"

// cachePlaces are where the cache may be. DATA_DIR is only known once the
// profile is, so the places that configure and the distributions use are tried.
func cachePlaces(prefix string) []string {
	return []string{
		filepath.Join(prefix, "data", cacheName),
		filepath.Join("/var/lib/mailman/data", cacheName),
	}
}

// readCache returns the cached profile of prefix, nil if there is none or a file
// that it was made from is not what it was.
func readCache(prefix string) *Profile {
	for _, path := range cachePlaces(prefix) {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		was, raw, ok := bytes.Cut(b, []byte("\n"))
		if !ok {
			continue
		}
		p, err := ParseProfile(raw)
		if err != nil || p.Prefix != prefix || string(was) != stamp(p) {
			continue
		}
		return p
	}
	return nil
}

// writeCache keeps a profile in DATA_DIR, readable by Mailman's group.
func writeCache(p *Profile) error {
	dir := (&Site{Profile: p}).DataDir()
	tmp, err := os.CreateTemp(dir, cacheName+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = fmt.Fprintf(tmp, "%s\n%s\n", stamp(p), p.raw)
	if err == nil {
		err = tmp.Chmod(0o660)
	}
	if e := tmp.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), filepath.Join(dir, cacheName))
}

// stamp is a digest over the names, sizes and times of all Python sources that a
// profile depends on: those it was made from, and what lies beside them, so that
// an added module counts too. The probe itself is part of it.
func stamp(p *Profile) string {
	files := map[string]bool{}
	dirs := map[string]bool{}
	for _, f := range p.Files {
		files[f] = true
		dirs[filepath.Dir(f)] = true
	}
	for dir := range dirs {
		names, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range names {
			if strings.HasSuffix(e.Name(), ".py") {
				files[filepath.Join(dir, e.Name())] = true
			}
		}
	}
	sorted := make([]string, 0, len(files))
	for f := range files {
		sorted = append(sorted, f)
	}
	sort.Strings(sorted)
	h := sha256.New()
	h.Write(probe)
	for _, f := range sorted {
		if info, err := os.Stat(f); err == nil {
			fmt.Fprintf(h, "%s %d %d\n", f, info.Size(), info.ModTime().UnixNano())
		} else {
			fmt.Fprintf(h, "%s gone\n", f)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
