package detect

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// BenchmarkSamples parses and classifies 5,000 bounces a round: the samples,
// again and again.
func BenchmarkSamples(b *testing.B) {
	const count = 5000
	d, err := New(site.Builtin())
	if err != nil {
		b.Fatal(err)
	}

	files, err := filepath.Glob(filepath.Join(sampleDir, "*.eml"))
	if err != nil || len(files) == 0 {
		b.Fatalf("got no samples (%v)", err)
	}

	var texts []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		texts = append(texts, string(text))
	}

	bytes := int64(0)
	for i := range count {
		bytes += int64(len(texts[i%len(texts)]))
	}
	b.SetBytes(bytes)
	b.ReportAllocs()

	for b.Loop() {
		for i := range count {
			m, err := message.Parse(texts[i%len(texts)])
			if err != nil {
				b.Fatal(err)
			}
			d.Scan(m)
		}
	}
}
