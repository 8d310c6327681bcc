package main

import "github.com/spf13/cobra"

// newRoot builds a fresh command tree, so that one process (a test) can run more than one command line. All commands
// are listed here, in the order of their help.
func newRoot() *cobra.Command {
	in := &installation{}
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
	root.PersistentFlags().StringVar(&in.prefix, "prefix", "",
		"the Mailman installation (default: $MAILMAN_PREFIX, else the usual places)")

	root.AddCommand(
		// Before it is installed.
		newDemo(),
		newProbe(in),
		newVerify(in),
		newShadow(in),
		// Installing it.
		newInstall(in),
		newUninstall(in),
		newInstallStep(in),
		// Working.
		newRun(in),
		newQrunner(in),
		newDrain(in),
		// Watching it.
		newStatus(in),
		newDetect(in),
		newDump(in),
		// Measuring, and what packages need.
		newBench(in),
		newMan(),
		newVersion(),
		// For those who develop it; hidden.
		newTorture(),
		newTortureWork(),
		newRecord(in),
		newMailcheck(in),
	)
	root.AddCommand(newJSONHelp())
	return root
}
