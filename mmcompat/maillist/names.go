package maillist

import (
	"errors"
	"io/fs"
	"sync"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/pyre"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// configs are the files that make a directory a list, in the order in which they are tried.
var configs = [...]string{"config.pck", "config.pck.last", "config.db", "config.db.last"}

// Exists tells whether there is a list of that name (Utils.list_exists). A name that could leave the directory of
// lists does not exist, and releases that log it to "mischief" do so. log may be nil.
func Exists(s *site.Site, name string, log mlog.Logger) bool {
	// os.path.exists takes any error for a no.
	there, _ := exists(s, name, log)
	return there
}

// exists is Exists, with the error that makes the answer uncertain.
func exists(s *site.Site, name string, log mlog.Logger) (bool, error) {
	// Since 2.1.20 names with other characters are refused before they become a path.
	if since(s, 20) && !acceptable(s.Str("ACCEPTABLE_LISTNAME_CHARACTERS"), name) {
		if log != nil {
			if since(s, 28) {
				log.Printf("mischief", "Hostile listname: listname=%s: remote=%s", name, "unidentified origin")
			} else {
				log.Printf("mischief", "Hostile listname: %s", name)
			}
		}
		return false, nil
	}

	// Any of the four files makes a directory a list (Utils.list_exists).
	dir := ListPath(s, name)
	var why error
	for _, config := range configs {
		_, err := disk.Stat(join(dir, config))
		if err == nil {
			return true, nil
		}

		if disk.Temporary(err) {
			why = err
		}
	}

	return false, why
}

// ListNames returns the names of all lists, in the order of the directory
// (Site.get_listnames). log may be nil.
func ListNames(s *site.Site, log mlog.Logger) ([]string, error) {
	dir, err := disk.Open(s.ListDataDir())
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}

	lists := names[:0]
	for _, name := range names {
		there, err := exists(s, name, log)
		// A directory that this user may not enter is no list: a file system's lost+found.
		if err != nil && !errors.Is(err, fs.ErrPermission) {
			return nil, err
		}

		if there {
			lists = append(lists, name)
		}
	}

	return lists, nil
}

// defaultNameChars is used for a setting that cannot be compiled.
const defaultNameChars = "[-+_.=a-z0-9@]"

var nameChars sync.Map // pattern -> *pyre.Regexp

// acceptable tells whether name consists of matches of pattern.
func acceptable(pattern, name string) bool {
	re, ok := nameChars.Load(pattern)
	if !ok {
		compiled, err := pyre.Compile(pattern, 0)
		if err != nil || pattern == "" {
			compiled = pyre.MustCompile(defaultNameChars, 0)
		}
		re, _ = nameChars.LoadOrStore(pattern, compiled)
	}

	n := 0
	for _, m := range re.(*pyre.Regexp).FindAll(name) {
		n += m.End() - m.Start()
	}
	return n == len(name)
}
