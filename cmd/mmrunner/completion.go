package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/status"
)

// completeRunners offers the runners that mmrunner takes the place of, to shells that complete a command line; the
// completion command itself, with scripts for bash, zsh and fish, is cobra's.
func completeRunners(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, k := range append(slices.Clone(runner.Kinds), runner.Outgoing) {
		name := k.Name + "\tqueue " + k.Queue
		if strings.HasPrefix(name, begun) && !named(args, name) {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeLists offers the lists of the installation.
func (in *installation) completeLists(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	s, err := in.site(site.Options{Watch: true})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}

	lists, err := maillist.ListNames(s, nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, name := range lists {
		if strings.HasPrefix(name, begun) && !named(args, name) {
			names = append(names, name)
		}
	}

	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeQueues offers the names of Mailman's queues.
func completeQueues(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, name := range status.QueueNames() {
		if strings.HasPrefix(name, begun) {
			names = append(names, name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeFlag has shells complete the value of a flag.
func completeFlag(cmd *cobra.Command, name string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(name, f); err != nil {
		panic(err) // a flag that was not defined: a mistake of the program's
	}
}

func named(args []string, name string) bool {
	name, _, _ = strings.Cut(name, "\t")
	for _, a := range args {
		if a == name {
			return true
		}
	}
	return false
}
