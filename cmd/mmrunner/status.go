package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/status"
)

type statusOptions struct {
	asJSON  bool
	batches int
	queue   string
	check   bool
	warn    string
	crit    string
	watch   time.Duration
	html    string

	page *os.File // that html names

	limits struct{ warn, crit status.Limits }
}

func newStatus(in *installation) *cobra.Command {
	var o statusOptions
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the queues, runners, locks and last batches of the site",
		Long: `status shows all queues (how many entries wait, for how long, and why), the runners that work on them and which
program they are, list locks that are held and waited for, files that processes left behind when they died, and the
last batches of mmrunner with what became of their entries. Above all it says what wants looking at. It changes
nothing. What the user who calls it may not see is told as that.

With --html FILE it writes a page; with --watch too, a browser reads it again as often. The file keeps the mode that
it has, and a new one is for its owner only.

With --queue NAME it shows one queue by list and age, as qshape does for Postfix: each column counts the entries that
wait for up to so many minutes.

--warn and --crit say what is too much: age=TIME for the oldest entry of a queue, waiting=N for its entries,
shunted=N, preserved=N, lock=TIME for a list's lock; 0 takes a limit away.

The exit statuses are those of monitoring plugins, with and without --check.`,
		Example: `  mmrunner status
  mmrunner status --watch=5s
  mmrunner status --queue bounces
  mmrunner status --html /var/www/html/mailman.html --watch=30s
  mmrunner status --check --warn age=20m,shunted=10 --crit age=1h`,
		Args:        cobra.NoArgs,
		Annotations: exits("0 all is well", "1 warning: something wants looking at", "2 critical: mail is not handled, or late", "3 something could not be looked at, or the command line is wrong", exitStopped),
		RunE:        func(cmd *cobra.Command, _ []string) error { return runStatus(cmd, in, o) },
	}

	f := cmd.Flags()
	jsonFlag(f, &o.asJSON)
	f.IntVar(&o.batches, "batches", 10, "how many of the last batches to show")
	f.StringVar(&o.queue, "queue", "", "show this queue by list and age")
	f.BoolVar(&o.check, "check", false, "print one line, for a monitoring system")
	f.StringVar(&o.warn, "warn", "", "`LIMITS` of a warning (default age=30m,shunted=1,lock=10m)")
	f.StringVar(&o.crit, "crit", "", "`LIMITS` of what is critical (default age=2h)")
	f.StringVar(&o.html, "html", "", "write it to `FILE` as a page that needs no other file; - is standard output")
	f.DurationVar(&o.watch, "watch", 0, "show it again and again, after so much `TIME`, until stopped")
	f.Lookup("watch").NoOptDefVal = "2s"
	cmd.MarkFlagsMutuallyExclusive("json", "check", "queue", "html")
	cmd.MarkFlagsMutuallyExclusive("watch", "check")
	completeFlag(cmd, "queue", completeWords(status.QueueNames()...))

	return cmd
}

// statusDocument is a status as JSON has it.
type statusDocument struct {
	Level  status.Level   `json:"level"`
	Alarms []status.Alarm `json:"alarms"`
	*status.Status
}

func runStatus(cmd *cobra.Command, in *installation, o statusOptions) error {
	if o.batches < 0 {
		return unclear(fmt.Errorf("--batches: got %d, need 0 or more", o.batches))
	}
	var err error
	if o.limits.warn, err = status.ParseLimits(o.warn, status.UsualWarn); err != nil {
		return unclear(fmt.Errorf("--warn: %w", err))
	}
	if o.limits.crit, err = status.ParseLimits(o.crit, status.UsualCrit); err != nil {
		return unclear(fmt.Errorf("--crit: %w", err))
	}
	if cmd.Flags().Changed("watch") && o.watch < time.Second {
		return unclear(fmt.Errorf("--watch: got %v, need at least 1s", o.watch))
	}

	if o.html != "" && o.html != "-" {
		if o.page, err = in.createReport(o.html); err != nil {
			return unclear(err)
		}
		defer o.page.Close()
	}

	s, err := in.look(cmd)
	switch {
	case err != nil && o.check:
		fmt.Fprintln(cmd.OutOrStdout(), "MMRUNNER UNKNOWN - "+oneLine(err.Error()))
		return &exitError{status: int(status.Unclear)}
	case err != nil:
		return unclear(err)
	case o.watch > 0:
		return watchStatus(cmd, s, o)
	}

	return oneStatus(cmd, cmd.OutOrStdout(), s, o)
}

// unclear is an error with the exit status that monitoring plugins have for it.
func unclear(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{int(status.Unclear), err}
}

// oneStatus looks once, and shows what was seen. The error carries the exit status.
func oneStatus(cmd *cobra.Command, w io.Writer, s *site.Site, o statusOptions) (err error) {
	st := status.Look(s, status.Options{Batches: o.batches})
	level, alarms := st.Judge(o.limits.warn, o.limits.crit)
	page := statusDocument{level, alarms, st}

	switch {
	case o.asJSON:
		err = printJSON(cmd, page)
	case o.check:
		_, err = fmt.Fprintln(w, checkLine(page))
	case o.queue != "":
		err = printQueue(w, st, o.queue)
	case o.html != "":
		refresh := int(o.watch.Seconds())
		if o.page == nil {
			err = st.HTML(w, level, alarms, refresh)
		} else {
			err = rewrite(o.page, func(w io.Writer) error { return st.HTML(w, level, alarms, refresh) })
		}
	default:
		err = printStatus(w, page, screenWidth())
	}

	if err != nil {
		return unclear(err)
	}
	if level != status.OK {
		return &exitError{status: int(level)}
	}

	return nil
}

// watchStatus shows the status until it is stopped, on a terminal always at its top.
func watchStatus(cmd *cobra.Command, s *site.Site, o statusOptions) error {
	ctx := untilStopped(cmd)
	// The screen is cleared past the writer that would escape that.
	clear := term.IsTerminal(int(os.Stdout.Fd())) && !o.asJSON && o.html == ""
	for {
		var b screen
		err := oneStatus(cmd, &b, s, o)
		if exit := new(exitError); errors.As(err, &exit) && exit.err != nil {
			return err
		}

		if clear {
			fmt.Fprint(os.Stdout, "\x1b[H\x1b[2J")
		}

		if _, err := cmd.OutOrStdout().Write(b.text(clear)); err != nil {
			return err
		}

		select {
		case <-time.After(o.watch):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
