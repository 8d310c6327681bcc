package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is the version that a package was built as (-ldflags "-X main.release=1.2.0"); other builds have their
// module's.
var release string

// build is the document that `mmrunner version --json` prints.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified"` // the checkout had changes that were not committed
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

func thisBuild() build {
	b := build{Version: release, Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}

	if b.Version == "" {
		b.Version = info.Main.Version
	}

	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}

	return b
}

// version is the version in one line, e.g. "1.2.0 (0f7189b4c2d1, go1.26.8, linux/amd64)".
func version() string {
	b := thisBuild()
	from := b.Commit
	if from == "" {
		from = "no commit known"
	}

	if b.Modified {
		from += " and changes"
	}

	return fmt.Sprintf("%s (%s, %s, %s/%s)", b.Version, from, b.Go, b.OS, b.Arch)
}

func newVersion() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, and what it was built from",
		Example: `  mmrunner version
  mmrunner version --json`,
		Args:        cobra.NoArgs,
		Annotations: exits(exitDone),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !asJSON {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "mmrunner", version())
				return err
			}
			return printJSON(cmd, thisBuild())
		},
	}

	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as a JSON object")
	return cmd
}
