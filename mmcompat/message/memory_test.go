package message

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/mmrunner/mmrunner/mmcompat/py"
)

// floods are texts of about the given size, each made of as many of one kind of
// thing as go into it.
func floods(size int) map[string]string {
	fill := func(head, unit string) string {
		return head + strings.Repeat(unit, max(0, size-len(head))/len(unit))
	}
	const (
		multipart = "Content-Type: multipart/mixed; boundary=x\n\n"
		report    = "Content-Type: message/delivery-status\n\n"
		params    = "Content-Type: multipart/mixed"
	)

	nested := func(head string) string {
		return strings.Repeat(head, min(900, size/len(head))) + strings.Repeat("x", size/10)
	}
	var names strings.Builder
	names.WriteString(params)
	for i := 0; names.Len() < size; i++ {
		fmt.Fprintf(&names, ";a%x*", i)
	}
	return map[string]string{
		"text":                         fill("\n", "some text\n"),
		"blank lines":                  fill("\n", "\n"),
		"fields":                       fill("", "A: b\n"),
		"empty fields":                 fill("", "A:\n"),
		"fields that end in CR":        fill("", "A:\r"),
		"lines without a name":         fill("", ":\n"),
		"lines without a name, fields": fill("", "A:\n:\n"),
		"continuation lines":           fill("A:", "\n "),
		"bad continuation lines":       fill("", " \n"),
		"From_ lines":                  fill("", "From \n"),
		"From_ lines and fields":       fill("", "From \nA:\n"),
		"one long field":               fill("A: ", "b"),
		"encoded words":                fill("Subject: ", "=?utf-8?q?=C3?=\n "),
		"encoded parameter":            fill(params+"; boundary*=utf-8''", "%C3"),
		"a long content type":          fill("Content-Type: multipart/", "A") + ";boundary=x\n\n--x\n\n--x\n\n",
		"semicolons":                   fill(params, ";"),
		"parameters":                   fill(params, ";a=b"),
		"parameters named boundary":    fill(params, ";boundary="),
		"segments":                     fill(params, ";boundary*"),
		"segments of two spellings":    fill(params+";Boundary*", ";boundary*"),
		"segments of many names":       names.String(),
		"quotes":                       fill(params+`;boundary="`, `\"`),
		"parts of nothing":             fill(multipart, "--x\n\n"),
		"parts of one letter":          fill(multipart, "--x\n\nx\n"),
		"parts of a line":              fill(multipart, "--x\n\nsome text\n"),
		"parts with a field":           fill(multipart, "--x\nA:\n\n"),
		"parts of one CR":              fill(multipart, "--x\r\rx\r"),
		"multiparts":                   fill(multipart, "--x\nContent-Type:multipart/;boundary=y\n\n--y\n\n"),
		"multiparts without boundary":  fill(multipart, "--x\nContent-Type:multipart/\n\n"),
		"messages":                     fill(multipart, "--x\nContent-Type:message/\n\n\nx\n"),
		"digest":                       fill("Content-Type: multipart/digest; boundary=x\n\n", "--x\n\n\nx\n"),
		"blocks of nothing":            fill(report, "\n"),
		"blocks of one letter":         fill(report, "x\n\n"),
		"blocks of a field":            fill(report, "A:\n\n"),
		"blocks of nothing, of one":    fill(report, "\n\n\nx\n"),
		"blocks with a From_ line":     fill(report, "A:\nFrom \n\n"),
		"messages in messages":         nested("Content-Type: message/rfc822\n\n"),
		"multiparts in multiparts":     nested("Content-Type: multipart/mixed; boundary=x\n\n--x\n"),
		"a From_ line before the text": fill("A: b\nFrom \n\n", "some text\n"),
	}
}

// parseCost returns how many bytes Parse allocates in all.
func parseCost(text string) (uint64, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	m, err := Parse(text)
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(m)
	return after.TotalAlloc - before.TotalAlloc, err
}

// Whatever a message is made of, parsing takes no more than ten times its size,
// garbage included. Small ones may take 4 MB.
func TestParseTakesTenTimesTheSizeAtMost(t *testing.T) {
	for _, size := range []int{40 << 10, 500 << 10, 4 << 20} {
		for kind, text := range floods(size) {
			cost, err := parseCost(text)
			var exception *py.Error
			if err != nil && !(errors.As(err, &exception) && exception.Class == "MemoryError") {
				t.Errorf("%s: %v", kind, err)
			}

			if limit := max(minBudget+64<<10, 10*len(text)); cost > uint64(limit) {
				t.Errorf("%s: a text of %d bytes took %d, %.1f times that", kind, len(text), cost, float64(cost)/float64(len(text)))
			}
		}
	}
}

// Only a message of more than ten thousand parts of less than forty bytes each is
// given up.
func TestParseGivesUpOnlyOnTinyParts(t *testing.T) {
	given := map[string]bool{
		"multiparts without boundary": true, "digest": true,
		"parts of one letter": true, "parts of one CR": true, "parts with a field": true,
		"blocks of one letter": true, "blocks of a field": true, "blocks of nothing, of one": true, "blocks with a From_ line": true,
	}

	for kind, text := range floods(1 << 20) {
		if _, err := Parse(text); err != nil && !given[kind] {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// BenchmarkParseFloods prints for each kind of flood how many bytes Parse takes for
// each byte of the text, and the worst of all.
func BenchmarkParseFloods(b *testing.B) {
	worst, which := 0.0, ""
	for kind, text := range floods(10 << 20) {
		b.Run(strings.ReplaceAll(kind, " ", "_"), func(b *testing.B) {
			var cost uint64
			var err error
			for b.Loop() {
				if cost, err = parseCost(text); err != nil {
					b.Log(err)
				}
			}

			ratio := float64(cost) / float64(len(text))
			b.ReportMetric(ratio, "B/byte")
			if ratio > worst {
				worst, which = ratio, kind
			}
		})
	}

	b.Logf("worst: %.1f bytes for each byte of %s", worst, which)
}
