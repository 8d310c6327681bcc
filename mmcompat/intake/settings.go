package intake

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Settings are the scripts' values from mm_cfg.
type Settings struct {
	ListDir       string            // LIST_DATA_DIR
	Queues        map[string]string // queue directories by their usual names: in, bounces, commands
	Schema        int               // QFILE_SCHEMA_VERSION
	OwnerPipeline []string          // OWNER_PIPELINE
	SiteBounces   string            // Utils.get_site_email(extra='bounces')
	Acceptable    bytes             // ACCEPTABLE_LISTNAME_CHARACTERS
}

// bytes is a set of bytes.
type bytes [256]bool

// listFiles prove that a list exists (Utils.list_exists).
var listFiles = []string{"config.pck", "config.pck.last", "config.db", "config.db.last"}

// ListExists is Utils.list_exists. Where the file system does not say, which
// Python takes for no, the error is the file system's.
func (s *Settings) ListExists(name string) (bool, error) {
	if name == "" || name == "." || name == ".." {
		return false, nil
	}

	for i := 0; i < len(name); i++ {
		if !s.Acceptable[name[i]] || name[i] == '/' {
			return false, nil
		}
	}

	// Most names that are asked for are no list's: one look is enough for them.
	dir := filepath.Join(s.ListDir, name)
	if there, err := exists(dir); !there || err != nil {
		return false, err
	}

	for _, file := range listFiles {
		if there, err := exists(filepath.Join(dir, file)); there || err != nil {
			return there, err
		}
	}

	return false, nil
}

func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ENAMETOOLONG) {
		return false, nil
	}
	return err == nil, err
}
