package torture

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/events"
)

// State is all that a site's files say, made comparable: for each thing there is,
// how often. What differs from run to run (times of the day, process ids,
// cookies) is masked.
type State map[string]int

// Read reads the state of the site in dir. The error is for files that cannot be
// read.
func Read(dir string) (State, error) {
	s := State{}
	for _, sub := range varDirs {
		if err := s.read(dir, sub); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// varDirs are the directories with all that changes.
var varDirs = []string{"lists", "qfiles", "logs", "locks", "data"}

func (s State) read(dir, sub string) error {
	return filepath.WalkDir(filepath.Join(dir, sub), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}

		info, err := e.Info()
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}

		return s.add(dir, rel, info.Mode(), b)
	})
}

func (s State) add(dir, rel string, mode fs.FileMode, b []byte) error {
	top, name, _ := strings.Cut(rel, "/")
	ext := filepath.Ext(name)
	switch {
	case top == "logs" && (name == "qrunner" || name == "locks"):
		return nil // recovery is told of there, and a broken lock
	case top == "logs", top == "data" && name == events.Log:
		s[fmt.Sprintf("%s: mode %v", rel, mode)]++
		for line := range strings.Lines(string(b)) {
			text := mask(dir, line)
			if n := registers.FindStringSubmatch(text); n != nil {
				// An entry that a process has died over twice is handled after the others, and so in a batch of its own.
				entries, err := strconv.Atoi(n[1])
				if err != nil {
					return err
				}

				s[rel+": bounces to be registered"] += entries
				continue
			}

			s[rel+": "+text]++
		}

		return nil
	case top == "data" && strings.HasPrefix(name, "mmrunner-") && (ext == ".lock" || name == "mmrunner-profile.json" || name == "mmrunner-shunted.jsonl"):
		return nil // nothing is decided by them, and losing them loses nothing
	case top == "data" && name == "last_mailman_version":
		return nil
	case top == "lists" && ext == ".last":
		return nil
	case top == "lists" && ext == ".pck":
		return s.dict(dir, rel, mode, b)
	case top == "qfiles" && (ext == qfile.Waiting || ext == qfile.Preserved):
		return s.entry(dir, filepath.Dir(rel)+"/*"+ext, mode, b)
	}

	s["left behind: "+mask(dir, rel)]++
	return nil
}

// registers is the line with which a batch of bounces begins.
var registers = regexp.MustCompile(`processing (\d+) queued bounces`)

// dict notes each item of a pickled dict.
func (s State) dict(dir, rel string, mode fs.FileMode, b []byte) error {
	v, _, err := pickle.Load(b)
	if err != nil {
		return fmt.Errorf("%s: %w", rel, err)
	}

	s[fmt.Sprintf("%s: mode %v", rel, mode)]++
	d, ok := v.(*pickle.Dict)
	if !ok {
		return fmt.Errorf("%s: got a %T, need a dict", rel, v)
	}

	for k, v := range d.All() {
		sub, ok := v.(*pickle.Dict)
		if !ok {
			s[rel+": "+mask(dir, show(k)+" = "+show(v))]++
			continue
		}

		for k2, v := range sub.All() {
			s[rel+": "+mask(dir, show(k)+"["+show(k2)+"] = "+show(v))]++
		}
	}

	return nil
}

// entry notes a queue entry; one that is none is noted as it is.
func (s State) entry(dir, what string, mode fs.FileMode, b []byte) error {
	it, err := qfile.Decode("", b)
	if err != nil {
		s[fmt.Sprintf("%s: %v: no entry: %q", what, mode, b)]++
		return nil
	}

	text := show(it.Message)
	if m, err := it.Parse(); err == nil {
		if text, err = m.AsString(true, false); err != nil {
			return err
		}
	}

	var meta []string
	for k, v := range it.Data.Dict().All() {
		if name, _ := k.(pickle.Str); name != "_bak_count" {
			meta = append(meta, show(k)+"="+show(v))
		}
	}

	sort.Strings(meta)
	s[fmt.Sprintf("%s: %v: %s\n%s", what, mode, mask(dir, strings.Join(meta, " ")), mask(dir, text))]++
	return nil
}

// show writes a value out, dicts sorted by key.
func show(v pickle.Value) string {
	switch v := v.(type) {
	case *pickle.Dict:
		return "{" + strings.Join(items(v), ", ") + "}"
	case *pickle.List:
		return "[" + all(v.Items) + "]"
	case *pickle.Tuple:
		return "(" + all(v.Items) + ")"
	case *pickle.Instance:
		return fmt.Sprintf("%s.%s%s", v.Class.Module, v.Class.Name, show(v.State))
	case float64:
		return fmt.Sprintf("%.6f", v)
	}

	return fmt.Sprintf("%T(%q)", v, fmt.Sprint(v))
}

func all(vs []pickle.Value) string {
	var parts []string
	for _, v := range vs {
		parts = append(parts, show(v))
	}
	return strings.Join(parts, ", ")
}

func items(d *pickle.Dict) []string {
	var parts []string
	for k, v := range d.All() {
		parts = append(parts, show(k)+": "+show(v))
	}
	sort.Strings(parts)
	return parts
}

// masks match the parts that differ from run to run.
var masks = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`<mailman\.[^>]*>`), "<MESSAGE-ID>"},
	{regexp.MustCompile(`={10,}[0-9]+=*`), "BOUNDARY"},
	{regexp.MustCompile(`\b[0-9a-f]{40}\b`), "COOKIE"},
	{regexp.MustCompile(`"password"\): pickle\.Str\("[a-zA-Z]{4,10}"\)`), "MADE UP PASSWORD"},
	{regexp.MustCompile(`\b[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4} \([0-9]+\)`), "STAMP"},
	{regexp.MustCompile(`\b[A-Z][a-z]{2}, [ 0-9][0-9] [A-Z][a-z]{2} [0-9]{4} [0-9:]{8}`), "DATE"},
	{regexp.MustCompile(`"at":"[^"]*"`), `"at":"TIME"`},
	{regexp.MustCompile(`\b1[0-9]{9}\.[0-9]+`), "TIME"},
	{regexp.MustCompile(`\b1[0-9]{9}\b`), "SECONDS"},
}

func mask(dir, s string) string {
	s = strings.ReplaceAll(s, dir, "DIR")
	for _, m := range masks {
		s = m.re.ReplaceAllString(s, m.with)
	}
	return s
}

// Diff lists the lines that only one of two states has.
type Diff struct {
	Lost  []string // in the undisturbed run only
	Twice []string // there more often than there
	Other []string // in the disturbed run only
}

// compare tells how had differs from want.
func compare(want, had State) (d Diff) {
	for k, n := range want {
		switch m := had[k]; {
		case m < n:
			d.Lost = append(d.Lost, k)
		case m > n:
			d.Twice = append(d.Twice, k)
		}
	}

	for k := range had {
		if want[k] == 0 {
			d.Other = append(d.Other, k)
		}
	}

	for _, l := range [][]string{d.Lost, d.Twice, d.Other} {
		sort.Strings(l)
	}
	return d
}

// Empty tells that there is no difference.
func (d Diff) Empty() bool { return len(d.Lost)+len(d.Twice)+len(d.Other) == 0 }

func (d Diff) String() string {
	var b strings.Builder
	for _, l := range []struct {
		what  string
		items []string
	}{{"lost", d.Lost}, {"twice", d.Twice}, {"other", d.Other}} {
		for _, it := range l.items {
			fmt.Fprintf(&b, "%s: %.300s\n", l.what, it)
		}
	}

	return b.String()
}
