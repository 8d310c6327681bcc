package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
)

// exitsKey is where a command keeps what its exit statuses mean: a line each, status, blank, meaning.
const exitsKey = "exit statuses"

// exits are the annotations of a command whose exit statuses mean that.
func exits(lines ...string) map[string]string {
	return map[string]string{exitsKey: strings.Join(lines, "\n")}
}

// Exit statuses that many commands have.
const (
	exitDone    = "0 done"
	exitNotDone = "2 it could not be done; the error says why"
	exitStopped = "130 it was stopped by Ctrl-C"
)

// setHelp has all commands of a tree explain themselves in 80 columns.
func setHelp(root *cobra.Command) {
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { printHelp(cmd.OutOrStdout(), cmd) })
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		fmt.Fprintln(cmd.OutOrStderr(), usageLine(cmd))
		return nil
	})

	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Short = "Show the help of a command"
			cmd.Long = "help shows what a command does, its flags, examples and exit statuses."
			cmd.Example = "  mmrunner help status"
			cmd.Annotations = exits(exitDone)
			cmd.GroupID = groupOther
		case "completion":
			cmd.Short = "Write a script that completes command lines"
			cmd.Long = "completion writes a script that has a shell complete commands, flags, and the names of runners and lists."
			cmd.Example = "  mmrunner completion bash > /etc/bash_completion.d/mmrunner\n" +
				"  mmrunner completion zsh > /usr/share/zsh/site-functions/_mmrunner\n" +
				"  mmrunner completion fish > /usr/share/fish/vendor_completions.d/mmrunner.fish"
			cmd.Annotations = exits(exitDone, exitNotDone)
			cmd.GroupID = groupOther
		}
	}

	all(root, func(cmd *cobra.Command) {
		cmd.InitDefaultHelpFlag()
		if f := cmd.Flags().Lookup("help"); f != nil {
			f.Usage = "show this help"
		}
		cmd.DisableFlagsInUseLine = true
	})
}

// all calls f for a command and all below it.
func all(cmd *cobra.Command, f func(*cobra.Command)) {
	f(cmd)
	for _, sub := range cmd.Commands() {
		all(sub, f)
	}
}

// usageLine is how a command is called.
func usageLine(cmd *cobra.Command) string {
	line := "Usage: " + cmd.CommandPath()
	if cmd.HasAvailableSubCommands() {
		line += " COMMAND"
	}

	line += " [FLAGS]"
	if _, args, ok := strings.Cut(cmd.Use, " "); ok {
		line += " " + args
	}

	return line
}

// printHelp prints all there is to know of a command.
func printHelp(w io.Writer, cmd *cobra.Command) {
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}

	fmt.Fprintln(w, terminal.Wrap(text, terminal.Width))
	if cmd.IsAdditionalHelpTopicCommand() {
		return
	}
	fmt.Fprintf(w, "\n%s\n", usageLine(cmd))

	printCommands(w, cmd)

	if cmd.HasExample() {
		fmt.Fprintf(w, "\nExamples:\n%s\n", cmd.Example)
	}

	printFlags(w, "Flags", cmd.LocalNonPersistentFlags())
	printFlags(w, "Flags of all commands", persistent(cmd))
	if lines := cmd.Annotations[exitsKey]; lines != "" {
		fmt.Fprintln(w, "\nExit status:")
		t := terminal.NewTable(terminal.Width-2, terminal.Column{Right: true}, terminal.Column{Flex: true})
		for line := range strings.Lines(lines) {
			status, meaning, _ := strings.Cut(strings.TrimSpace(line), " ")
			t.Row(status, meaning)
		}

		printIndented(w, t)
	}

	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\n%s COMMAND --help says more of a command.\n", cmd.CommandPath())
	}
}

// printCommands lists the commands below one, in their groups and in the order in which they were added.
func printCommands(w io.Writer, cmd *cobra.Command) {
	groups := cmd.Groups()
	if len(groups) == 0 {
		groups = []*cobra.Group{{Title: "Commands:"}}
	}

	for _, group := range groups {
		t := terminal.NewTable(terminal.Width-2, terminal.Column{}, terminal.Column{Flex: true})
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && sub.GroupID == group.ID {
				t.Row(sub.Name(), sub.Short)
			}
		}

		if t.Len() > 0 {
			fmt.Fprintf(w, "\n%s\n", group.Title)
			printIndented(w, t)
		}
	}

	topics := terminal.NewTable(terminal.Width-2, terminal.Column{}, terminal.Column{Flex: true})
	for _, sub := range cmd.Commands() {
		if sub.IsAdditionalHelpTopicCommand() {
			topics.Row(sub.CommandPath(), sub.Short)
		}
	}

	if topics.Len() > 0 {
		fmt.Fprintln(w, "\nMore help:")
		printIndented(w, topics)
	}
}

// persistent are the flags that a command shares with all others.
func persistent(cmd *cobra.Command) *pflag.FlagSet {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	all.AddFlagSet(cmd.InheritedFlags())
	all.AddFlagSet(cmd.PersistentFlags())
	return all
}

// printFlags prints a set of flags under a title. A flag that is set or not has no value to show.
func printFlags(w io.Writer, title string, flags *pflag.FlagSet) {
	t := terminal.NewTable(terminal.Width-2, terminal.Column{}, terminal.Column{Flex: true})
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "prefix" && title == "Flags" {
			return
		}
		name := "    --" + f.Name

		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", --" + f.Name
		}

		value, usage := pflag.UnquoteUsage(f)
		if value != "" && f.Value.Type() != "bool" {
			value = strings.ToUpper(value)
			if f.NoOptDefVal != "" {
				value = "[=" + value + "]"
			} else {
				value = " " + value
			}

			name += value
		}

		if plain := f.DefValue; plain != "" && plain != "0" && plain != "false" && plain != "[]" && plain != "0s" && !strings.Contains(usage, "(default") {
			usage += fmt.Sprintf(" (default %s)", strings.Trim(plain, "[]"))
		}

		t.Row(name, usage)
	})

	if t.Len() > 0 {
		fmt.Fprintf(w, "\n%s:\n", title)
		printIndented(w, t)
	}
}

// printIndented prints a table without its head, two columns in.
func printIndented(w io.Writer, t *terminal.Table) {
	var b strings.Builder
	t.WriteRows(&b) // into memory: there is no error
	for line := range strings.Lines(b.String()) {
		fmt.Fprint(w, "  "+line)
	}
}
