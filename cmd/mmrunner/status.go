package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/runner/status"
)

type statusOptions struct {
	asJSON  bool
	commits int
}

func newStatus(in *installation) *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Print the queues, runners, locks and leftovers of the site",
		Long: `status prints both queues (how many entries wait, for which lists, and for how long the oldest has), the
runners that work on them and which program they are, list locks that are held and waited for, files that crashed
processes left behind, and the last commits that mmrunner made. It changes nothing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runStatus(cmd, in, o) },
	}
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print everything as JSON")
	cmd.Flags().IntVar(&o.commits, "commits", 10, "how many of the last commits to print")
	return cmd
}

func runStatus(cmd *cobra.Command, in *installation, o statusOptions) error {
	if o.commits < 0 {
		return fmt.Errorf("had --commits %d, wanted 0 or more", o.commits)
	}
	s, err := in.look(cmd)
	if err != nil {
		return err
	}
	st := status.Look(s, status.Options{Commits: o.commits})
	if o.asJSON {
		return printJSON(cmd.OutOrStdout(), st)
	}
	return printStatus(cmd.OutOrStdout(), st)
}

// shownLists is how many lists of a queue are printed.
const shownLists = 8

func printStatus(w io.Writer, st *status.Status) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "QUEUE\tWAITING\tAT HAND\tOLDEST\tLISTS")
	for _, q := range st.Queues {
		var lists []string
		for i, l := range q.Lists {
			if i == shownLists {
				lists = append(lists, fmt.Sprintf("and %d more", len(q.Lists)-i))
				break
			}
			lists = append(lists, fmt.Sprintf("%s %d", l.List, l.Entries))
		}
		if q.Unread > 0 {
			lists = append(lists, fmt.Sprintf("%d not read", q.Unread))
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\n", q.Name, q.Waiting, q.AtHand, age(q.Waiting > 0, q.AgeSeconds), orNone(lists))
	}
	fmt.Fprintln(t)
	if st.Master != nil {
		fmt.Fprintf(t, "mailmanctl runs as process %d since %s\n\n", st.Master.PID, at(st.Master.Since))
	} else {
		fmt.Fprint(t, "mailmanctl does not run\n\n")
	}
	fmt.Fprintln(t, "RUNNER\tSLICE\tPROCESS\tSINCE\tPROGRAM")
	for _, r := range st.Runners {
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\n", r.Runner, r.Slice, r.PID, at(r.Since), r.Binary)
	}
	if len(st.Runners) == 0 {
		fmt.Fprintln(t, "none that can be seen")
	}
	fmt.Fprintln(t, "\nLOCK\tHELD BY\tFOR\tWAITING")
	for _, l := range st.Locks {
		var waiting []string
		for _, h := range l.Waiting {
			waiting = append(waiting, fmt.Sprintf("%s for %s", process(h), age(true, h.Seconds)))
		}
		held, since := "nobody", "-"
		if l.Holder != nil {
			held, since = process(*l.Holder), age(true, l.Holder.Seconds)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", l.List, held, since, orNone(waiting))
	}
	if len(st.Locks) == 0 {
		fmt.Fprintln(t, "none")
	}
	fmt.Fprintln(t, "\nLEFT BEHIND\tSINCE\tFILE")
	for _, o := range st.Orphans {
		fmt.Fprintf(t, "%s\t%s\t%s\n", o.What, at(o.Time), o.Path)
	}
	if len(st.Orphans) == 0 {
		fmt.Fprintln(t, "nothing")
	}
	fmt.Fprintln(t, "\nLAST COMMITS\tRUNNER\tLIST\tENTRIES\tSECONDS\tLOCK HELD\tLOCK WAITED")
	for _, c := range st.Commits {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%.3f\t%.3f\t%.3f\n", at(c.At), c.Runner, c.List, c.Entries, c.Seconds, c.Held, c.Waited)
	}
	if len(st.Commits) == 0 {
		fmt.Fprintln(t, "none")
	}
	for _, p := range st.Problems {
		fmt.Fprintln(t, "\nnot seen: "+p)
	}
	return t.Flush()
}

func process(h status.Holder) string {
	s := fmt.Sprintf("%d on %s", h.PID, h.Host)
	if h.Dead {
		s += fmt.Sprintf(" (dead; can be broken in %s)", age(true, max(0, h.ExpiresSeconds)))
	}
	return s
}

func orNone(parts []string) string {
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

func age(known bool, seconds float64) string {
	if !known {
		return "-"
	}
	d := time.Duration(seconds * float64(time.Second))
	if d >= 48*time.Hour {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.Round(time.Second).String()
}

func at(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }
