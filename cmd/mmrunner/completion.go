package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
)

// completeRunners offers the runners that mmrunner can take the place of. The completion command itself, with its scripts
// for bash, zsh and fish, is cobra's.
func completeRunners(_ *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, k := range append(slices.Clone(runner.Kinds), runner.Outgoing) {
		if strings.HasPrefix(k.Name, begun) && !slices.Contains(args, k.Name) {
			names = append(names, cobra.CompletionWithDesc(k.Name, "queue "+k.Queue))
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
		if strings.HasPrefix(name, begun) && !slices.Contains(args, name) {
			names = append(names, name)
		}
	}

	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeList offers the lists of the installation to a command that takes one.
func (in *installation) completeList(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return in.completeLists(cmd, args, begun)
}

// completeWords offers those of the words that begin as the value does.
func completeWords(words ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		var fitting []string
		for _, word := range words {
			if strings.HasPrefix(word, begun) {
				fitting = append(fitting, word)
			}
		}
		return fitting, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlag has shells complete a flag's value with what f offers.
func completeFlag(cmd *cobra.Command, name string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(name, f); err != nil {
		panic(err) // a flag that was not defined: a mistake of the program's
	}
}
