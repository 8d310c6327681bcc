package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manSection is that of commands for administrators.
const manSection = "8"

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write a manual page for each command",
		Long: `man writes mmrunner.8 and one page for each command into a directory, which is made if it is not there. They say what
the commands' own help says; mmrunner.8 has the files, the environment and the settings too. The pages are dated
today, or $SOURCE_DATE_EPOCH.`,
		Example:     `  mmrunner man /usr/local/share/man/man8`,
		Args:        cobra.ExactArgs(1),
		Annotations: exits(exitDone, exitNotDone),
		RunE: func(cmd *cobra.Command, args []string) error {
			// All users may read pages; main set Mailman's mask.
			defer syscall.Umask(syscall.Umask(0o022))
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return err
			}

			// A tree of its own, whose texts get sections that the help shows in another way.
			root := newRoot()
			root.Use += " COMMAND [FLAGS]"
			root.DisableAutoGenTag = true // its history section says nothing of mmrunner
			var err error
			all(root, func(cmd *cobra.Command) {
				if err == nil && manPage(cmd) {
					err = writeManPage(cmd, args[0])
				}
			})

			return err
		},
	}
}

// manPage tells whether a command has a page of its own.
func manPage(cmd *cobra.Command) bool {
	return !cmd.HasParent() || cmd.IsAvailableCommand() && cmd.Name() != "help" && !strings.HasPrefix(cmd.CommandPath(), "mmrunner completion ")
}

// flagValue matches what the library prints as the value of a boolean flag.
var flagValue = regexp.MustCompile(`\[=(true|false)\]`)

// writeManPage writes a command's page into a directory.
func writeManPage(cmd *cobra.Command, dir string) error {
	cmd.Long = manual(cmd)
	var b bytes.Buffer
	// Without a title the page gets its command's name.
	header := &doc.GenManHeader{Section: manSection, Source: "mmrunner", Manual: "Mailman"}
	if err := doc.GenMan(cmd, header, &b); err != nil {
		return fmt.Errorf("writing the manual page of %s: %w", cmd.CommandPath(), err)
	}

	name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + "." + manSection
	return os.WriteFile(filepath.Join(dir, name), flagValue.ReplaceAll(b.Bytes(), nil), 0o666)
}

// manual is a command's text with the sections that a manual page has, in the Markdown that the library reads.
func manual(cmd *cobra.Command) string {
	var b strings.Builder
	b.WriteString(cmd.Long)

	if !cmd.HasParent() {
		b.WriteString("\n\n# COMMANDS\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.Name() != "help" {
				fmt.Fprintf(&b, "**mmrunner %s**\n: %s\n\n", sub.Name(), sub.Short)
			}
		}

		b.WriteString("\n# FILES\n" + manFiles + "\n# ENVIRONMENT\n" + manEnvironment + "\n# SETTINGS\n" + manSettings + manOwnSettings())
	}

	if lines := cmd.Annotations[exitsKey]; lines != "" {
		b.WriteString("\n\n# EXIT STATUS\n")
		for line := range strings.Lines(lines) {
			status, meaning, _ := strings.Cut(strings.TrimSpace(line), " ")
			fmt.Fprintf(&b, "**%s**\n: %s\n\n", status, meaning)
		}
	}

	return b.String()
}

const manFiles = `
**PREFIX/Mailman/mm_cfg.py**
: The installation's settings. *mmrunner install* adds PYTHON to them, and nothing else is changed.

**DATA_DIR/mmrunner-profile.json**
: What the installation's Python said of its settings, texts and patterns, until a file that it came from changes.

**DATA_DIR/mmrunner-RUNNER.lock**, **mmrunner-RUNNER-SLICE-SLICES.lock**
: The kernel's locks on them keep two mmrunners from one slice of a queue.

**DATA_DIR/mmrunner-journal-\***
: A commit that has begun. The next mmrunner finishes or undoes it.

**DATA_DIR/mmrunner-history-\***, **mmrunner-shunted.jsonl**
: The last batches, and why entries were put aside, for *mmrunner status* and *mmrunner shunt*.

**DATA_DIR/mmrunner.toml**
: What the site has switched on beyond what Mailman does, see SETTINGS.

**DATA_DIR/mmrunner-events**, **mmrunner-events.1** to **.3**
: What each commit did about bounces, for *mmrunner report*; only if that is switched on. At most 16 MB each.

**DATA_DIR/mmrunner-events.key**
: The key of the hashes of members' addresses in them.

**DATA_DIR/mmrunner-enabled-LIST-TIME.json**
: What *mmrunner enable* did, for its --undo.

**TMPDIR/mmrunner-shadow-UID-PREFIX**
: The private copies of *mmrunner shadow*, removed at its end.

Whatever is named mmrunner-* in DATA_DIR may be removed once mmrunner is uninstalled.
`

const manEnvironment = `
**MAILMAN_PREFIX**
: The installation, where --prefix does not name it.

**MAILMAN_PYTHON**
: The Python 2.7 to ask about the installation, instead of the one in the first line of bin/qrunner.

**TMPDIR**
: Where private copies and made-up sites are made; /tmp if it is not set.

**TZ**
: The time zone, as for Mailman.

**GOGC**
: How much garbage mmrunner may keep, in percent of what it needs; 40 if it is not set.

**SOURCE_DATE_EPOCH**
: The date of manual pages, in seconds since 1970.
`

const manSettings = `
These may be set in mm_cfg.py, for runners that mailmanctl starts:

**MMRUNNER_BATCH_SIZE**
: Entries that one commit takes at most, as --batch-size.

**MMRUNNER_LOCK_SHARE**
: The share of the time for which a list's lock is held at most, as --lock-share.

**MMRUNNER_METRICS_ADDR**
: Where Prometheus is answered: a string for one runner, or a dictionary by runners' names, as --metrics-addr.
`
