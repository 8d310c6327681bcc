package mailcheck

import (
	"embed"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
)

//go:embed samples/*.eml
var samplesFS embed.FS

// Samples are messages of our own, one or more for each thing that a parser can
// get wrong.
func Samples() []sample {
	names, _ := fs.Glob(samplesFS, "samples/*.eml") // the pattern is a constant
	samples := make([]sample, 0, len(names))
	for _, name := range names {
		b, err := samplesFS.ReadFile(name)
		if err != nil {
			panic(err) // embedded: it is there
		}
		samples = append(samples, sample{strings.TrimSuffix(path.Base(name), ".eml"), string(b)})
	}

	return samples
}

// ReadCorpus reads every file below dir as a message, but for Python's own.
func ReadCorpus(dir string) ([]sample, error) {
	var samples []sample
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		if ext := filepath.Ext(name); ext == ".py" || ext == ".pyc" || ext == ".in" || e.Name() == "Makefile" {
			return nil
		}

		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		samples = append(samples, sample{rel, string(b)})
		return err
	})

	sort.Slice(samples, func(i, j int) bool { return samples[i].Name < samples[j].Name })
	return samples, err
}
