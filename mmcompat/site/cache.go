package site

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
)

// cacheName is the file beside the installation's data that keeps its profile.
const cacheName = "mmrunner-profile.json"

// cachePlaces are where the cache may be. DATA_DIR is only known once the
// profile is, so what the settings files say in so many words is tried, and the
// places that configure and the distributions use.
func cachePlaces(prefix string) []string {
	var places []string
	vars := []string{prefix, "/var/lib/mailman"}
	for _, name := range []string{"mm_cfg.py", "Defaults.py"} {
		b, err := os.ReadFile(filepath.Join(prefix, "Mailman", name))
		if err != nil {
			continue
		}
		for _, m := range dirSetting.FindAllSubmatch(b, -1) {
			if string(m[1]) == "DATA_DIR" {
				places = append(places, filepath.Join(string(m[2]), cacheName))
			} else {
				vars = append(vars, string(m[2]))
			}
		}
	}
	for _, v := range vars {
		if file := filepath.Join(v, "data", cacheName); !slices.Contains(places, file) {
			places = append(places, file)
		}
	}
	return places
}

// dirSetting is a settings file's line that sets a directory to a plain string.
var dirSetting = regexp.MustCompile(`(?m)^(VAR_PREFIX|DATA_DIR)[ \t]*=[ \t]*['"](/[^'"\n]+)['"]`)

// readCache returns the cached profile of prefix and its file, nil if there is
// none or a file that it was made from is not what it was.
func readCache(prefix, python string) (*Profile, string) {
	for _, file := range cachePlaces(prefix) {
		info, err := os.Lstat(file)
		// What anybody may write is not believed.
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o002 != 0 {
			continue
		}
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		was, raw, ok := bytes.Cut(b, []byte("\n"))
		if !ok {
			continue
		}
		p, err := ParseProfile(raw)
		if err != nil || p.Prefix != prefix || string(was) != stamp(p, python) {
			continue
		}
		return p, file
	}
	return nil, ""
}

// writeCache keeps a profile, as the probe printed it, in DATA_DIR, for
// Mailman's group.
func writeCache(p *Profile, raw []byte, python string) error {
	dir := (&Site{Profile: p}).DataDir()
	tmp, err := os.CreateTemp(dir, cacheName+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = fmt.Fprintf(tmp, "%s\n%s\n", stamp(p, python), bytes.TrimSpace(raw))
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
// an added module counts too. The probe itself, the interpreter and the host's
// name are part of it.
func stamp(p *Profile, python string) string {
	files := map[string]bool{python: true}
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
	host, err := os.Hostname()
	fmt.Fprintf(h, "%s %v %s\n", host, err, python)
	for _, f := range sorted {
		if info, err := os.Stat(f); err == nil {
			fmt.Fprintf(h, "%s %d %d\n", f, info.Size(), info.ModTime().UnixNano())
		} else {
			fmt.Fprintf(h, "%s gone\n", f)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
