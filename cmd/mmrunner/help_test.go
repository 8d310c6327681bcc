package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
)

// shown calls f for the help of each command that the help shows.
func shown(t *testing.T, f func(cmd *cobra.Command, text string)) {
	t.Helper()
	all(newRoot(), func(cmd *cobra.Command) {
		if cmd.Hidden || cmd.HasParent() && cmd.Parent().Name() == "completion" {
			return
		}
		var b bytes.Buffer
		printHelp(&b, cmd)
		f(cmd, b.String())
	})
}

func TestHelpFitsEightyColumns(t *testing.T) {
	shown(t, func(cmd *cobra.Command, text string) {
		for line := range strings.Lines(text) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > terminal.Width {
				t.Errorf("%s: %d columns: %s", cmd.CommandPath(), n, line)
			}
		}

		if strings.Contains(text, "[=true|false]") {
			t.Errorf("%s shows values of flags that have none:\n%s", cmd.CommandPath(), text)
		}
	})
}

func TestHelpOfEveryCommandHasAnExampleAndItsExitStatuses(t *testing.T) {
	shown(t, func(cmd *cobra.Command, text string) {
		if cmd.IsAdditionalHelpTopicCommand() || cmd.Name() == "help" {
			return
		}

		for _, want := range []string{"\nExamples:\n", "\nExit status:\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: there is no %q in\n%s", cmd.CommandPath(), want, text)
			}
		}

		if cmd.HasParent() && cmd.GroupID == "" && !cmd.Parent().HasParent() {
			t.Errorf("%s is in no group of the help", cmd.CommandPath())
		}
	})
}

// A letter means one thing, whatever the command.
func TestShortFlagsMeanOneThing(t *testing.T) {
	long := map[string]string{}
	all(newRoot(), func(cmd *cobra.Command) {
		for letter := range strings.SplitSeq("abcdefghijklmnopqrstuvwxyz", "") {
			f := cmd.Flags().ShorthandLookup(letter)
			if f == nil || cmd.Hidden {
				continue
			}

			if known := long[letter]; known != "" && known != f.Name {
				t.Errorf("-%s is --%s, and --%s of %s", letter, known, f.Name, cmd.CommandPath())
			}

			long[letter] = f.Name
		}
	})
}
