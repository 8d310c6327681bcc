package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/enable"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/settings"
	"github.com/mmrunner/mmrunner/runner/txn"
)

type enableOptions struct {
	since      string
	domain     string
	code       string
	scoreBelow float64
	held       bool
	undo       string
	apply      bool
	asJSON     bool
}

func newEnable(in *installation) *cobra.Command {
	var o enableOptions
	cmd := &cobra.Command{
		Use:   "enable [LIST]",
		Short: "Have members get mail again whom bounces disabled",
		Long: `enable lists the members of LIST whom bounces have disabled since DATE, of one domain or after one status code if
that is asked for. With --apply it enables them and resets their bounce info, in one commit, as Mailman's own web page
would do it one by one. It tells the name of a file with what it did, which --undo takes back; members who have left
or bounced since then are left alone.

A status code is only known for what was written down since events were switched on (see mmrunner report).`,
		Example: `  mmrunner enable announce --disabled-since 2024-05-01
  mmrunner enable announce --disabled-since 2024-05-01 --code '5.7.*' --apply
  mmrunner enable --undo mmrunner-enabled-announce-20240502.json --apply`,
		Annotations:       exits(exitDone, exitNotDone, exitStopped),
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: in.completeList,
		RunE:              func(cmd *cobra.Command, args []string) error { return enableMembers(cmd, in, o, args) },
	}

	f := cmd.Flags()
	f.StringVar(&o.since, "disabled-since", "", "those who were disabled at `DATE` (2024-05-01, or with a time) or later")
	f.StringVar(&o.domain, "domain", "", "those of domains like `GLOB`")
	f.StringVar(&o.code, "code", "", "those whose last bounce had a status code like `GLOB`, such as 5.7.*")
	f.Float64Var(&o.scoreBelow, "score-below", 0, "those whose bounce score is below `N`")
	f.BoolVar(&o.held, "held", false, "those whom the bounce guard holds; their bounce info is reset")
	f.StringVar(&o.undo, "undo", "", "disable again whom the run that wrote `FILE` has enabled")
	f.BoolVar(&o.apply, "apply", false, "do it; without this, nothing is changed")
	jsonFlag(f, &o.asJSON)

	return cmd
}

// enabledMembers is the result of enable, as JSON has it.
type enabledMembers struct {
	List    string          `json:"list"`
	Applied bool            `json:"applied"`
	Undo    string          `json:"undo_file,omitempty"`
	Members []enabledMember `json:"members"`
}

type enabledMember struct {
	Member   string    `json:"member"`
	Disabled time.Time `json:"disabled"`
	Score    float64   `json:"score"`
	Status   string    `json:"status,omitempty"`
}

func enableMembers(cmd *cobra.Command, in *installation, o enableOptions, args []string) error {
	if o.undo != "" {
		return undoEnable(cmd, in, o)
	}
	if len(args) != 1 || o.since == "" && !o.held {
		return errors.New("got no list or no --disabled-since, need both (or --held, or --undo FILE)")
	}

	// Whom it is about.
	filter, err := o.filter()
	if err != nil {
		return err
	}
	s, err := in.open(cmd)
	if err != nil {
		return err
	}
	if err := addCodes(s, py.Lower(args[0]), &filter); err != nil {
		return err
	}

	if !o.apply {
		return dryRun(cmd, s, o, args[0], filter)
	}

	// One commit, and a file that tells --undo of it.
	var done []enable.Member
	err = changeList(cmd, s, args[0], func(b runner.Batch, record *events.Recorder) (err error) {
		done, err = enable.Apply(b, filter.Find(b.List()), record)
		return err
	})
	if err != nil {
		return err
	}
	if len(done) == 0 {
		return printEnabled(cmd, o, enabledMembers{List: args[0], Applied: true}, nil)
	}

	name, err := enable.Done{List: py.Lower(args[0]), At: time.Now(), Members: done}.Write(s.DataDir())
	if err != nil {
		complain(cmd.ErrOrStderr(), fmt.Errorf("members were enabled, but what was done could not be written down for --undo: %w", err))
	}

	return printEnabled(cmd, o, enabledMembers{List: args[0], Applied: true, Undo: name}, done)
}

// filter is what the flags select.
func (o enableOptions) filter() (enable.Filter, error) {
	f := enable.Filter{Domain: o.domain, Code: o.code, ScoreBelow: o.scoreBelow, Held: o.held}
	if !o.held {
		var err error
		if f.Since, err = parseMoment(o.since); err != nil {
			return f, fmt.Errorf("--disabled-since: %w", err)
		}
	}
	return f, f.Check()
}

func dryRun(cmd *cobra.Command, s *site.Site, o enableOptions, list string, filter enable.Filter) error {
	l, err := maillist.Open(s, py.Lower(list), maillist.Options{})
	if err != nil {
		return listError(list, err)
	}

	return printEnabled(cmd, o, enabledMembers{List: list}, filter.Find(l))
}

// listError is why a list that was named cannot be worked on.
func listError(list string, err error) error {
	if errors.Is(err, maillist.ErrUnknownList) {
		return fmt.Errorf("there is no list %q", list)
	}
	return fmt.Errorf("list %s: %w", list, err)
}

func undoEnable(cmd *cobra.Command, in *installation, o enableOptions) error {
	s, err := in.open(cmd)
	if err != nil {
		return err
	}

	was, err := enable.Read(o.undo)
	if err != nil {
		return err
	}
	if !o.apply {
		return printEnabled(cmd, o, enabledMembers{List: was.List}, was.Members)
	}

	var done []enable.Member
	err = changeList(cmd, s, was.List, func(b runner.Batch, _ *events.Recorder) (err error) {
		done, err = enable.Undo(b, was.Members)
		return err
	})
	if err != nil {
		return err
	}

	return printEnabled(cmd, o, enabledMembers{List: was.List, Applied: true}, done)
}

// changeList has a list changed in a commit of its own.
func changeList(cmd *cobra.Command, s *site.Site, list string, apply func(runner.Batch, *events.Recorder) error) error {
	own, err := settings.Read(s.DataDir())
	if err != nil {
		return err
	}

	var record *events.Recorder
	if own.Events.Record {
		if record, err = events.NewRecorder(s.DataDir(), own.Events.Privacy); err != nil {
			return err
		}
	}

	env := txn.NewEnv(s)
	defer env.Log.Close()
	if err := engine.Change(cmd.Context(), env, py.Lower(list), func(b runner.Batch) error { return apply(b, record) }); err != nil {
		return listError(list, err)
	}
	return nil
}

// addCodes gives a filter the last status code of each member of a list that bounced.
func addCodes(s *site.Site, list string, f *enable.Filter) error {
	f.Codes = map[string]string{}
	names := events.NewNames(s.DataDir())
	f.Names = names.Of

	for e, err := range events.Read(s.DataDir(), time.Time{}) {
		if err != nil {
			return err
		}
		if e.List == list && e.Member != "" && e.Status != "" {
			f.Codes[e.Key()] = e.Status
		}
	}

	if f.Code != "" && len(f.Codes) == 0 {
		return fmt.Errorf("--code: there is no event of list %s in %s; events have to be switched on before", list, filepath.Join(s.DataDir(), events.Log))
	}

	return nil
}

// parseMoment reads a day, or a day and a time, of this machine's zone.
func parseMoment(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.DateTime} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}

	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("got %q, need a date such as 2024-05-01 or \"2024-05-01 18:00\"", text)
}

// disabledAt is when a member was disabled, for people.
func disabledAt(t time.Time) string {
	if t.IsZero() {
		return "held"
	}
	return t.Local().Format("2006-01-02 15:04")
}

func printEnabled(cmd *cobra.Command, o enableOptions, what enabledMembers, members []enable.Member) error {
	what.Members = []enabledMember{}
	for _, m := range members {
		what.Members = append(what.Members, enabledMember{m.Addr, m.Disabled, m.Score, m.Code})
	}
	if o.asJSON {
		return printJSON(cmd, what)
	}

	out := cmd.OutOrStdout()

	if len(members) > 0 {
		t := terminal.NewTable(screenWidth(), terminal.Column{Title: "MEMBER", Flex: true}, terminal.Column{Title: "DISABLED"},
			terminal.Column{Title: "SCORE", Right: true}, terminal.Column{Title: "STATUS"})
		for _, m := range what.Members {
			t.Row(m.Member, disabledAt(m.Disabled), fmt.Sprintf("%.1f", m.Score), m.Status)
		}
		if err := t.Write(out); err != nil {
			return err
		}
	}

	count, verb := several(len(members), "member", "members"), "would be enabled"
	switch {
	case o.undo != "" && what.Applied:
		verb = "put back as they were"
	case o.undo != "":
		verb = "would be put back as they were"
	case what.Applied:
		verb = "enabled"
	}

	fmt.Fprintf(out, "%s: %s %s.\n", terminal.Escape(what.List), count, verb)
	if !what.Applied {
		fmt.Fprintln(out, "Nothing was changed; say --apply to do it.")
	}

	if what.Undo != "" {
		fmt.Fprintf(out, "To take it back: mmrunner enable --undo %s --apply\n", terminal.Escape(what.Undo))
	}

	return nil
}
