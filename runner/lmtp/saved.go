package lmtp

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// The files of data/ that say what the servers of each host have done. Nothing
// depends on them.
const (
	countsPrefix = "mmrunner-lmtp-"
	countsSuffix = ".json"
)

// save writes the counts down. A failure is logged: mail goes on.
func (s *Server) save() {
	b, err := json.Marshal(s.Counts())
	if err == nil {
		err = replaceFile(filepath.Join(s.dataDir, countsPrefix+s.host+countsSuffix), b)
	}
	if err != nil {
		s.complain(fmt.Errorf("mmrunner status will not know what was taken: %w", err))
	}
}

// replaceFile writes a file anew, under a temporary name first.
func replaceFile(path string, b []byte) error {
	tmp := fmt.Sprintf("%s.%d.tmp", path, os.Getpid())
	// What a dead process with our number has left.
	if err := disk.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}

	f, err := disk.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o660)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = disk.Rename(tmp, path)
	}

	if err != nil {
		disk.Remove(tmp)
	}

	return err
}

// ReadCounts returns what the servers of a site have last written down, one of each
// host. The error is the file system's, or for a file that is damaged.
func ReadCounts(s *site.Site) ([]Counts, error) {
	paths, err := filepath.Glob(filepath.Join(s.DataDir(), countsPrefix+"*"+countsSuffix))
	if err != nil {
		return nil, err
	}

	var all []Counts
	var errs []error
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err == nil {
			var c Counts
			if err = json.Unmarshal(b, &c); err == nil {
				all = append(all, c)
				continue
			}
			err = fmt.Errorf("%s: %w", path, err)
		}

		errs = append(errs, err)
	}

	return all, errors.Join(errs...)
}
