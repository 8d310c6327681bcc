package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/runner/dump"
	"github.com/mmrunner/mmrunner/runner/shunt"
	"github.com/mmrunner/mmrunner/runner/status"
)

func newShunt(in *installation) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "shunt",
		Short: "Show, retry or discard entries that were put aside",
		Long: `shunt is about the entries that need a person: those in the shunt queue, on which a runner failed, and those in the
queue bad, which killed a runner or cannot be read. Each has the reason that mmrunner or Mailman's error log gives.

Entries are named by the beginning of their file's name, as far as it tells them apart.`,
		Example: `  mmrunner shunt list
  mmrunner shunt show 1795.25
  mmrunner shunt retry --all`,
		Annotations: exits(exitDone, exitNotDone),
	}

	cmd.AddCommand(newShuntList(in), newShuntShow(in), newShuntRetry(in), newShuntDiscard(in))
	return cmd
}

// shuntDocument is the document that shunt list --json prints.
type shuntDocument struct {
	Entries []shunt.Entry `json:"entries"`
}

func newShuntList(in *installation) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the entries that were put aside, and why",
		Long: `list shows each entry that was put aside: when that was, the queue and list that it was for, who sent it, why it is
here, and what stands in the way of handling it now.`,
		Example:     "  mmrunner shunt list\n  mmrunner shunt list --json",
		Annotations: exits("0 nothing was put aside", "1 there are entries", exitNotDone),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := in.look(cmd)
			if err != nil {
				return err
			}

			entries, err := shunt.All(s)
			if err != nil {
				return err
			}

			if asJSON {
				err = printJSON(cmd, shuntDocument{entries})
			} else {
				err = printShunted(cmd.OutOrStdout(), entries)
			}

			if err == nil && len(entries) > 0 {
				return errFound
			}

			return err
		},
	}

	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}

// printShunted prints an entry in a paragraph: a table would have no room for the reasons.
func printShunted(w io.Writer, entries []shunt.Entry) error {
	if len(entries) == 0 {
		_, err := fmt.Fprintln(w, "no entry was put aside")
		return err
	}

	for i, e := range entries {
		if i > 0 {
			fmt.Fprintln(w)
		}

		queue := e.Queue
		if queue == "" {
			queue = "unknown queue"
		}

		fmt.Fprintf(w, "%s  %s  %s, list %s\n", terminal.Escape(shortBase(entries, e)), at(e.Received), queue, terminal.Escape(orUnknown(e.List)))
		t := terminal.NewTable(terminal.Width-2, terminal.Column{}, terminal.Column{Flex: true})
		if e.From != "" {
			t.Row("from", e.From)
		}

		if e.Subject != "" {
			t.Row("subject", e.Subject)
		}

		t.Row(string(e.State), e.Why)
		if e.Now != "" {
			t.Row("now", e.Now)
		}

		printIndented(w, t)
	}

	_, err := fmt.Fprintf(w, "\n%s; mmrunner shunt show NAME says what would become of one\n", several(len(entries), "entry", "entries"))
	return err
}

// shortBase is as much of an entry's name as tells it from the others.
func shortBase(all []shunt.Entry, e shunt.Entry) string {
	for n := min(len(e.Base), 12); n < len(e.Base); n++ {
		same := 0
		for _, other := range all {
			if strings.HasPrefix(other.Base, e.Base[:n]) {
				same++
			}
		}

		if same == 1 {
			return e.Base[:n]
		}
	}

	return e.Base
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// shuntedEntry is the document that shunt show --json prints.
type shuntedEntry struct {
	shunt.Entry
	Rehearsal shunt.Rehearsal `json:"rehearsal"`
}

func newShuntShow(in *installation) *cobra.Command {
	asJSON := false
	cmd := &cobra.Command{
		Use:   "show ENTRY",
		Short: "Show one entry, and what would become of it now",
		Long: `show prints an entry's metadata, the beginning of its message, why it was put aside, and what would become of it now:
where it came from a queue of mmrunner's, it is handled in a private copy of its list. Nothing of the site changes and
no mail leaves.`,
		Example:           "  mmrunner shunt show 1795.25\n  mmrunner shunt show --json 1795.25",
		Annotations:       exits(exitDone, exitNotDone),
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: in.completeShunted,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := in.look(cmd)
			if err != nil {
				return err
			}

			entries, err := shunt.All(s)
			if err != nil {
				return err
			}
			e, err := shunt.Find(entries, args[0])
			if err != nil {
				return err
			}

			r, err := shunt.Rehearse(untilStopped(cmd), s, e, handler)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(cmd, shuntedEntry{e, r})
			}

			return printShuntedEntry(cmd.OutOrStdout(), e, r)
		},
	}

	jsonFlag(cmd.Flags(), &asJSON)
	return cmd
}

// shownBody is how much of a message's text is shown.
const shownBody = 2000

func printShuntedEntry(w io.Writer, e shunt.Entry, r shunt.Rehearsal) error {
	t := terminal.NewTable(terminal.Width, terminal.Column{}, terminal.Column{Flex: true})
	t.Row("file", e.Path)
	t.Row(string(e.State), at(e.Received))
	t.Row("queue", orUnknown(e.Queue))
	t.Row("list", orUnknown(e.List))
	t.Row("why", e.Why)
	t.Row("now", rehearsed(r))
	if err := t.WriteRows(w); err != nil {
		return err
	}

	b, err := os.ReadFile(e.Path)
	if err != nil {
		return err
	}

	it, err := qfile.Decode(e.Base, b)
	if err != nil {
		_, err = fmt.Fprintf(w, "\nIt cannot be read: %s\n", terminal.Escape(err.Error()))
		return err
	}
	fmt.Fprintln(w, "\nMetadata:")
	if err := dump.Text(w, it.Data.Dict(), dump.Options{}); err != nil {
		return err
	}

	m, err := it.Parse()
	if err != nil {
		_, err = fmt.Fprintf(w, "\nIts message cannot be read: %s\n", terminal.Escape(err.Error()))
		return err
	}

	return printMessage(w, m)
}

// printMessage prints a message's header fields and the beginning of its text.
func printMessage(w io.Writer, m *message.Message) error {
	text, err := m.AsString(false, false)
	if err != nil {
		_, err = fmt.Fprintf(w, "\nIts message cannot be written: %s\n", terminal.Escape(err.Error()))
		return err
	}

	more := ""
	if len(text) > shownBody {
		text, more = text[:shownBody], fmt.Sprintf("\n... (%d bytes more)", len(text)-shownBody)
	}

	_, err = fmt.Fprintf(w, "\nMessage:\n%s%s\n", terminal.Lines(strings.ReplaceAll(text, "\r\n", "\n")), more)
	return err
}

// rehearsed says what would become of an entry.
func rehearsed(r shunt.Rehearsal) string {
	if r.Outcome == "" {
		return r.Why
	}
	text := "it would be " + string(r.Outcome)

	if r.Why != "" {
		text += ": " + r.Why
	}

	if r.Mail > 0 {
		text += ", with " + several(r.Mail, "message", "messages") + " to be sent"
	}

	return text
}

// shuntAction is a change of entries that are named, or of all.
type shuntAction struct {
	all   bool
	yes   bool
	queue string
}

func newShuntRetry(in *installation) *cobra.Command {
	var o shuntAction
	cmd := &cobra.Command{
		Use:   "retry ENTRY...",
		Short: "Put entries back into the queues that they came from",
		Long: `retry puts entries back where their runners find them, as bin/unshunt does, but by a rename: an entry is never in two
queues. What is wrong with it should be mended before that; mmrunner shunt show tells.`,
		Example:           "  mmrunner shunt retry 1795.25\n  mmrunner shunt retry --all\n  mmrunner shunt retry --queue bounces 1795.25",
		Annotations:       exits(exitDone, "1 some of the entries could not be put back", exitNotDone),
		ValidArgsFunction: in.completeShunted,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, in, args, "put back", func(s *site.Site, e shunt.Entry) error { return shunt.Retry(s, e, o.queue) })
		},
	}

	cmd.Flags().BoolVar(&o.all, "all", false, "all entries of the shunt queue")
	cmd.Flags().StringVar(&o.queue, "queue", "", "put them into this queue")
	completeFlag(cmd, "queue", completeWords(status.QueueNames()...))
	return cmd
}

func newShuntDiscard(in *installation) *cobra.Command {
	var o shuntAction
	cmd := &cobra.Command{
		Use:               "discard ENTRY...",
		Short:             "Remove entries for good",
		Long:              `discard removes entries, with the mail in them. It asks first.`,
		Example:           "  mmrunner shunt discard 1795.25\n  mmrunner shunt discard --all --yes",
		Annotations:       exits(exitDone, "1 some of the entries could not be removed", "2 it could not be done, or the answer was no"),
		ValidArgsFunction: in.completeShunted,
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd, in, args, "removed", func(_ *site.Site, e shunt.Entry) error { return shunt.Discard(e) })
		},
	}

	cmd.Flags().BoolVar(&o.all, "all", false, "all entries of the shunt queue")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	return cmd
}

// run does something with each entry that is named, and says what was done.
func (o shuntAction) run(cmd *cobra.Command, in *installation, names []string, done string, do func(*site.Site, shunt.Entry) error) error {
	if o.all == (len(names) > 0) {
		return errors.New("got neither entries nor --all, or both; need one of them")
	}
	s, err := in.open(cmd)
	if err != nil {
		return err
	}

	entries, err := shunt.All(s)
	if err != nil {
		return err
	}
	var chosen []shunt.Entry
	for _, name := range names {
		e, err := shunt.Find(entries, name)
		if err != nil {
			return err
		}
		chosen = append(chosen, e)
	}

	if o.all {
		for _, e := range entries {
			if e.State == shunt.Shunted {
				chosen = append(chosen, e)
			}
		}
	}

	if cmd.Flags().Lookup("yes") != nil && !o.yes && len(chosen) > 0 && !agreed(cmd, fmt.Sprintf("Remove %s for good?", several(len(chosen), "entry", "entries"))) {
		return errors.New("the answer was not yes; nothing was removed")
	}

	failed := 0
	for _, e := range chosen {
		if err := do(s, e); err != nil {
			failed++
			complain(cmd.ErrOrStderr(), err)
		}
	}

	fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n", several(len(chosen)-failed, "entry was", "entries were"), done)
	if failed > 0 {
		return errFound
	}

	return nil
}

// agreed asks a question that yes is an answer to.
func agreed(cmd *cobra.Command, question string) bool {
	fmt.Fprintf(cmd.OutOrStdout(), "%s [y/N] ", question)
	answer, _ := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	fmt.Fprintln(cmd.OutOrStdout())
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// completeShunted offers the entries that were put aside.
func (in *installation) completeShunted(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	s, err := in.site(site.Options{Watch: true})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}

	entries, err := shunt.All(s)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Base, begun) && !slices.Contains(args, e.Base) && terminal.Escape(e.Base) == e.Base {
			names = append(names, e.Base+"\t"+terminal.Escape(e.Why))
		}
	}

	return names, cobra.ShellCompDirectiveNoFileComp
}
