// Package record keeps recordings: scenes that a real Mailman has
// played, with the lists and the queue as they were and what became of them, so
// that mmrunner can be held against them where there is no Mailman.
//
// A recording has no words of Mailman's: of an outgoing message it keeps to whom
// it goes and what it is made of.
package record

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

//go:embed record.py
var program []byte

// Scenes are the scenes there are, by name.
var Scenes = []string{"bounces", "commands", "probes"}

// Record has the Mailman of a site play a scene, in directories of its own, and
// writes the recording, a zip archive, to a file. The error is for a site without
// Python, for what Python failed on, and for a file that cannot be written.
func Record(s *site.Site, scene, file string) (err error) {
	if !slices.Contains(Scenes, scene) {
		return fmt.Errorf("got scene %q, need %s", scene, strings.Join(Scenes, ", "))
	}
	if s.Python == "" {
		return fmt.Errorf("%s: got no Python, need the interpreter that its scripts run under", s.Prefix)
	}

	dir, err := os.MkdirTemp("", "mmrunner-record")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command(s.Python, "-B", "-", s.Prefix, dir, scene)
	cmd.Dir = dir
	cmd.Stdin = bytes.NewReader(program)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", s.Python, err, stderr.Bytes())
	}

	out, err := os.Create(file)
	if err != nil {
		return err
	}
	err = archive(out, dir)
	return errors.Join(err, out.Close())
}

// archive writes all files below a directory, in the order of their names.
func archive(w io.Writer, dir string) error {
	z := zip.NewWriter(w)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}

		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := z.Create(filepath.ToSlash(name))
		if err != nil {
			return err
		}

		_, err = f.Write(b)
		return err
	})

	return errors.Join(err, z.Close())
}
