package main

import "github.com/spf13/cobra"

// prefixFlag is --prefix: the installation to work on, or empty to let site.Find look for it.
var prefixFlag string

// commands are the constructors that the command files registered.
var commands []func() *cobra.Command

// register adds a command to the root; the command files call it from init.
func register(f func() *cobra.Command) {
	commands = append(commands, f)
}

// newRoot builds a fresh command tree, so that one process (a test) can run more than one command line.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "mmrunner",
		Short: "Bounce and command runners for GNU Mailman 2.1 sites with large lists",
		Long: `mmrunner handles the bounce and command queues of a GNU Mailman 2.1 site a batch at a time:
each list is read once, changed in memory, and written once, under the same locks and in the same files as
Mailman's own runners.`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.PersistentFlags().StringVar(&prefixFlag, "prefix", "",
		"the Mailman installation (default: $MAILMAN_PREFIX, else the usual places)")
	for _, f := range commands {
		root.AddCommand(f())
	}
	return root
}
