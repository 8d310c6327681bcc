// Command summary reads what `go test -json` prints and shows the parts to be read: a line a package,
// failures in full, and at the end what was skipped and why.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// event is a line of test2json's output.
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

// test tells the tests of all packages apart; its name is "" for the package itself.
type test struct{ pkg, name string }

func main() {
	output := map[test][]string{}
	skipped := map[string][]string{} // names of tests, by the reason
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 64<<20)

	for in.Scan() {
		var e event
		if err := json.Unmarshal(in.Bytes(), &e); err != nil {
			fmt.Println(in.Text()) // the go command's own words
			continue
		}

		at := test{e.Package, e.Test}

		switch e.Action {
		case "output":
			output[at] = append(output[at], e.Output)
		case "build-output":
			fmt.Print(e.Output)
		case "skip":
			if e.Test != "" {
				why := reason(output[at])
				skipped[why] = append(skipped[why], e.Test)
			}
		case "fail":
			fmt.Printf("FAIL %s %s (%.1f s)\n%s", e.Package, e.Test, e.Elapsed, strings.Join(output[at], ""))
			if e.Test == "" {
				unfinished(output, e.Package)
			}
		case "pass":
			if e.Test == "" {
				fmt.Printf("ok   %s (%.1f s)\n", e.Package, e.Elapsed)
			}
		}

		if e.Action == "pass" || e.Action == "fail" || e.Action == "skip" {
			delete(output, at)
		}
	}

	for _, why := range slices.Sorted(maps.Keys(skipped)) {
		fmt.Printf("skipped: %s: %s\n", why, strings.Join(skipped[why], ", "))
	}
}

// unfinished prints what those tests of a package wrote that never ended: one that took too long is among them.
func unfinished(output map[test][]string, pkg string) {
	for at, lines := range output {
		if at.pkg == pkg && at.name != "" {
			fmt.Printf("not ended: %s %s\n%s", pkg, at.name, strings.Join(lines, ""))
		}
	}
}

// reason is the last line of a test that was skipped.
func reason(output []string) string {
	for _, line := range slices.Backward(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "===") {
			continue
		}

		if _, said, ok := strings.Cut(line, ".go:"); ok {
			if _, said, ok = strings.Cut(said, ": "); ok {
				return said
			}
		}

		return line
	}

	return "(no reason given)"
}
