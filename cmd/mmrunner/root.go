package main

import "github.com/spf13/cobra"

// newRoot builds a fresh command tree, so that one process (a test) can run more than one command line. All commands
// are listed here, in the order of their help.
func newRoot() *cobra.Command {
	in := &installation{}
	root := &cobra.Command{
		Use:   "mmrunner",
		Short: "Queue runners for GNU Mailman 2.1 sites with large lists",
		Long: `mmrunner handles the queues of bounces, commands and notices of a GNU Mailman 2.1 site a batch at a time: each list is
read once, changed in memory, and written once, under the same locks and in the same files as Mailman's own runners.

Try it with mmrunner demo, and on a site with mmrunner probe, verify and shadow, which change nothing.`,
		Example: `  mmrunner demo
  mmrunner status --watch
  sudo -u mailman mmrunner shadow --once --report shadow.html`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}

	root.PersistentFlags().StringVar(&in.prefix, "prefix", "",
		"the Mailman installation (default: $MAILMAN_PREFIX, else the usual places)")

	root.Flags().Bool("version", false, "print the version")
	root.Annotations = exits("0 done", "1 done, and there is something to look at: a difference, an entry that stays in its queue",
		"2 not done, or not all of what was asked for", "130 stopped by Ctrl-C (128 and the signal's number)")
	if err := root.MarkPersistentFlagDirname("prefix"); err != nil {
		panic(err) // a flag that is not there: a mistake of the program's
	}

	addGroup(root, groupTry, "Before it is installed:", newDemo(in), newProbe(in), newVerify(in), newShadow(in))
	addGroup(root, groupInstall, "Installing it:", newInstall(in), newUninstall(in))
	addGroup(root, groupWork, "Working on the queues:", newRun(in), newQrunner(in), newDrain(in), newLMTP(in))
	addGroup(root, groupWatch, "Watching it:", newStatus(in), newShunt(in), newDetect(in), newDump(in))
	addGroup(root, groupBounces, "Who bounces and why:", newReport(in), newEnable(in), newRelease(in))
	addGroup(root, groupOther, "Other commands:", newBench(in), newMan(), newVersion())
	root.AddCommand(newJSONHelp(), newSettingsHelp())

	// For those who develop mmrunner, and what commands start for themselves; hidden.
	root.AddCommand(newInstallStep(in), newTorture(), newTortureWork(), newRecord(in), newMailcheck(in))
	setHelp(root)
	return root
}

// The groups of commands.
const (
	groupTry     = "try"
	groupInstall = "install"
	groupWork    = "work"
	groupWatch   = "watch"
	groupBounces = "bounces"
	groupOther   = "other"
)

// addGroup adds commands that the help lists together.
func addGroup(root *cobra.Command, id, title string, commands ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: id, Title: title})
	for _, cmd := range commands {
		cmd.GroupID = id
		root.AddCommand(cmd)
	}
}
