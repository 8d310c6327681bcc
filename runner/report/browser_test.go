package report_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// look has a browser tell of the page: how wide it would have to be, how wide it is,
// whether it is dark, and the colour it has then, how many charts there are, and how
// large their smallest text is shown, in pixels.
const look = `<script>parent.postMessage([document.documentElement.scrollWidth, innerWidth, matchMedia('(prefers-color-scheme: dark)').matches,
getComputedStyle(document.body).backgroundColor, document.querySelectorAll('svg.chart').length,
Math.min(...[...document.querySelectorAll('svg.chart text')].map(t => Math.round(t.getScreenCTM().a * parseFloat(getComputedStyle(t).fontSize))))].join('|'), '*')</script></body>`

// frame holds the page in a window of a phone's width, which a browser's own cannot have.
const frame = `<!DOCTYPE html><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title></title>
<script>onmessage = e => { document.title = e.data }</script><iframe src="report.html" width="%d" height="800" style="border:0"></iframe>`

var (
	title   = regexp.MustCompile(`<title>(\d+)\|(\d+)\|(true|false)\|([^|]*)\|(\d+)\|(\d+)</title>`)
	console = regexp.MustCompile(`(?m)^.*CONSOLE.*$`)
)

// A browser shows the page on a phone and on a desk, by day and by night, with no
// scroll bar across the window and nothing on its console.
func TestPageInABrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no chromium here: the page is not looked at in a browser")
	}

	s := newSite(t)
	write(t, s, some()...)
	var b bytes.Buffer
	if err := build(t, s).HTML(&b); err != nil {
		t.Fatal(err)
	}

	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(strings.Replace(b.String(), "</body>", look, 1)), 0o600); err != nil {
		t.Fatal(err)
	}

	for _, width := range []int{360, 1400} {
		for _, dark := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d %v", width, dark), func(t *testing.T) {
				scheme := map[bool]int{true: 0, false: 1}[dark]
				outer := filepath.Join(filepath.Dir(file), fmt.Sprintf("frame-%d.html", width))
				if err := os.WriteFile(outer, fmt.Appendf(nil, frame, width), 0o600); err != nil {
					t.Fatal(err)
				}

				cmd := exec.CommandContext(t.Context(), chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
					"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(),
					"--enable-logging=stderr", "--hide-scrollbars", "--virtual-time-budget=5000", "--window-size=1500,900", fmt.Sprintf("--blink-settings=preferredColorScheme=%d", scheme),
					"--dump-dom", "file://"+outer)

				var out, said bytes.Buffer
				cmd.Stdout, cmd.Stderr = &out, &said
				if err := cmd.Run(); err != nil {
					t.Fatalf("%v\n%s", err, said.String())
				}

				if lines := console.FindAllString(said.String(), -1); lines != nil {
					t.Errorf("had on the console:\n%s", strings.Join(lines, "\n"))
				}

				m := title.FindStringSubmatch(out.String())
				if m == nil {
					t.Fatalf("the page was not shown:\n%.500s", out.String())
				}

				if m[1] != m[2] || m[2] != fmt.Sprint(width) {
					t.Errorf("the page needs %s of %s pixels, want %d", m[1], m[2], width)
				}

				want := map[bool]string{false: "rgb(255, 255, 255)", true: "rgb(21, 24, 27)"}[dark]
				if m[3] != fmt.Sprint(dark) || m[4] != want {
					t.Errorf("got dark %s and colour %s, want %v and %s", m[3], m[4], dark, want)
				}

				if m[5] != "4" || m[6] != "13" {
					t.Errorf("got %s charts with text of %s pixels or more, want 4 and 13", m[5], m[6])
				}
			})
		}
	}
}
