package detect

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

const sampleDir = "../../../testdata/bounces"

// describe is a line of expected.txt.
func describe(file string, r Result) string {
	line := []string{file, r.Module, "bounce"}
	switch {
	case r.NeedPython != "":
		line[2] = "python"
	case r.Err != nil:
		line[2] = "error"
	case r.Stop:
		line[2] = "warning"
	case len(r.Addrs) == 0:
		line[2] = "none"
	}

	if r.Module == "" {
		line[1] = "-"
	}

	for _, a := range r.Addrs {
		if strings.Contains(a, "\n") {
			a = strconv.Quote(a)
		}
		line = append(line, a)
	}

	return strings.Join(line, "\t")
}

// TestSamplesGiveTheExpectedAddresses holds what mmrunner's own patterns find in its own samples, which
// no Mailman is needed for.
func TestSamplesGiveTheExpectedAddresses(t *testing.T) {
	p := site.Builtin()
	d, err := New(p)
	if err != nil {
		t.Fatal(err)
	}

	files, err := filepath.Glob(filepath.Join(sampleDir, "*.eml"))
	if err != nil {
		t.Fatal(err)
	}

	slices.Sort(files)
	var got []string
	for _, file := range files {
		m := parseFile(t, file)
		got = append(got, describe(filepath.Base(file), d.Scan(m)))
	}

	b, err := os.ReadFile(filepath.Join(sampleDir, "expected.txt"))
	if err != nil {
		t.Fatal(err)
	}

	want := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("expected.txt -, found +:\n%s", diff)
	}

	for _, module := range p.Bouncers.Pipeline {
		if !slices.ContainsFunc(want, func(line string) bool { return strings.Contains(line, "\t"+module+"\t") }) {
			t.Errorf("no sample is for %s", module)
		}
	}
}

// TestSinaSample is for the module that no pipeline has by itself.
func TestSinaSample(t *testing.T) {
	p := site.Builtin()
	p.Bouncers.Pipeline = []string{"Sina"}
	d, err := New(p)
	if err != nil {
		t.Fatal(err)
	}

	r := d.Scan(parseFile(t, filepath.Join(sampleDir, "sina.eml")))
	if len(r.Addrs) == 0 || r.Module != "Sina" {
		t.Errorf("found %+v", r)
	}
}

func parseFile(t testing.TB, file string) *message.Message {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	m, err := message.Parse(string(b))
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", file, err))
	}

	return m
}
