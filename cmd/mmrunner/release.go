package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/bounce"
	"github.com/mmrunner/mmrunner/runner/enable"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/membership"
)

type releaseOptions struct {
	domain string
	apply  bool
	asJSON bool
}

func newRelease(in *installation) *cobra.Command {
	var o releaseOptions
	cmd := &cobra.Command{
		Use:   "release LIST",
		Short: "Have members disabled whom the bounce guard holds",
		Long: `release lists the members of LIST whom the guard has kept from being disabled by bounces. With --apply it disables
them, in one commit, with the notices that Mailman sends. To keep them enabled, use mmrunner enable LIST --held.

The guard is switched on in data/mmrunner.toml, for all lists or for one:

    [guard]
    members = 50    # of a list a day, with bounces that are alike
    percent = 20    # of the list's members of one domain

    [lists.announce.guard]
    members = 500`,
		Example: `  mmrunner release announce
  mmrunner release announce --domain example.net --apply`,
		Annotations:       exits(exitDone, exitNotDone, exitStopped),
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: in.completeList,
		RunE:              func(cmd *cobra.Command, args []string) error { return releaseHeld(cmd, in, o, args[0]) },
	}

	f := cmd.Flags()
	f.StringVar(&o.domain, "domain", "", "those of domains like `GLOB`")
	f.BoolVar(&o.apply, "apply", false, "do it; without this, nothing is changed")
	jsonFlag(f, &o.asJSON)
	return cmd
}

// releasedMembers is the result of release, as JSON has it.
type releasedMembers struct {
	List    string   `json:"list"`
	Applied bool     `json:"applied"`
	Members []string `json:"members"`
}

func releaseHeld(cmd *cobra.Command, in *installation, o releaseOptions, list string) error {
	filter := enable.Filter{Domain: o.domain, Held: true}
	if err := filter.Check(); err != nil {
		return err
	}

	s, err := in.open(cmd)
	if err != nil {
		return err
	}
	what := releasedMembers{List: list, Applied: o.apply, Members: []string{}}

	if o.apply {
		err = changeList(cmd, s, list, func(b runner.Batch, record *events.Recorder) (err error) {
			what.Members, err = bounce.Release(b, membership.NewServices(s), held(filter, b.List()), record)
			return err
		})
	} else {
		what.Members, err = heldNow(s, list, filter)
	}

	if err != nil {
		return err
	}
	if o.asJSON {
		what.Members = slices.Concat([]string{}, what.Members)
		return printJSON(cmd, what)
	}

	out := cmd.OutOrStdout()
	for _, m := range what.Members {
		fmt.Fprintln(out, terminal.Escape(m))
	}
	verb := "would be disabled"

	if o.apply {
		verb = "disabled"
	}

	fmt.Fprintf(out, "%s: %s %s.\n", terminal.Escape(list), several(len(what.Members), "held member", "held members"), verb)
	if !o.apply {
		fmt.Fprintln(out, "Nothing was changed; say --apply to do it.")
	}

	return nil
}

func heldNow(s *site.Site, list string, filter enable.Filter) ([]string, error) {
	l, err := maillist.Open(s, py.Lower(list), maillist.Options{})
	if err != nil {
		return nil, listError(list, err)
	}
	return held(filter, l), nil
}

// held are the addresses of members whom the guard holds.
func held(filter enable.Filter, l *maillist.List) []string {
	members := []string{}
	for _, m := range filter.Find(l) {
		members = append(members, m.Addr)
	}
	return members
}
