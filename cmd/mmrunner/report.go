package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/report"
)

type reportOptions struct {
	since  string
	member string
	html   string
	page   *os.File // that html names
	most   int
	asJSON bool
	// subscriptions has the report be about those that are pending.
	subscriptions bool
}

func newReport(in *installation) *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "report [LIST...]",
		Short: "Show who bounces and why",
		Long: `report shows the bounces of all lists, or of those that are named: by day, domain, class, status code, mail
server, reason and member, and how many members are disabled. It reads data/mmrunner-events, which is kept if events
are switched on, and the lists' own state where it is not: that knows of each member's last bounce only.

To switch events on, put this into data/mmrunner.toml and restart the runners:

    [events]
    record = true
    privacy = "keep"    # of members' addresses; or "hash" or "none"

With --subscriptions it shows who would be subscribed and has not confirmed: a flood of these is made by somebody else.
A limit a day for each address and domain, on each list, drops the rest of what comes by mail, with a line in the log
vette:

    [subscriptions]
    per-address = 5
    per-domain = 100

It changes nothing.`,
		Example: `  mmrunner report
  mmrunner report announce --since 2024-05-01 --html report.html
  mmrunner report --member amy@example.net`,
		Annotations:       exits(exitDone, exitNotDone),
		ValidArgsFunction: in.completeLists,
		RunE:              func(cmd *cobra.Command, args []string) error { return writeReport(cmd, in, o, args) },
	}

	f := cmd.Flags()
	f.StringVar(&o.since, "since", "", "what happened at `DATE` or later (default: 30 days ago)")
	f.StringVar(&o.member, "member", "", "tell the history of one `ADDRESS`")
	f.StringVar(&o.html, "html", "", "write it to `FILE` as a page that needs no other file; - is standard output")
	f.IntVar(&o.most, "most", 15, "rows of each table at most; 0 is all")
	f.BoolVar(&o.subscriptions, "subscriptions", false, "show the subscriptions that wait for confirmation, by address and source")
	jsonFlag(f, &o.asJSON)
	cmd.MarkFlagsMutuallyExclusive("json", "html")
	cmd.MarkFlagsMutuallyExclusive("member", "html", "subscriptions")

	return cmd
}

func writeReport(cmd *cobra.Command, in *installation, o reportOptions, lists []string) error {
	if o.most < 0 {
		return fmt.Errorf("--most: got %d, need 0 or more", o.most)
	}
	now := time.Now()
	about := report.Options{Lists: lists, Since: now.AddDate(0, 0, -30), Now: now, Most: o.most}

	if o.since != "" {
		var err error
		if about.Since, err = parseMoment(o.since); err != nil {
			return fmt.Errorf("--since: %w", err)
		}
	}

	// Before the site: what root names may be a place that is only root's.
	if o.html != "" && o.html != "-" {
		page, err := in.createReport(o.html)
		if err != nil {
			return err
		}
		defer page.Close()
		o.page = page
	}

	s, err := in.look(cmd)
	if err != nil {
		return err
	}

	switch {
	case o.subscriptions:
		p, err := report.Pending(s, about)
		return printReport(cmd, o, p, err)
	case o.member != "":
		m, err := report.History(s, o.member, about)
		return printReport(cmd, o, m, err)
	}

	return reportBounces(cmd, s, o, about)
}

// A textReport can be printed on a terminal.
type textReport interface {
	Text(w io.Writer, width int) error
}

// printReport prints a report as text or as JSON, unless making it has failed.
func printReport(cmd *cobra.Command, o reportOptions, r textReport, err error) error {
	switch {
	case err != nil:
		return err
	case o.asJSON:
		return printJSON(cmd, r)
	}
	return r.Text(cmd.OutOrStdout(), screenWidth())
}

// reportBounces writes the report of all bounces, as text, as JSON or as a page.
func reportBounces(cmd *cobra.Command, s *site.Site, o reportOptions, about report.Options) error {
	r, err := report.Build(s, about)
	switch {
	case err != nil:
		return err
	case o.html == "-":
		return r.HTML(cmd.OutOrStdout())
	case o.page != nil:
		return rewrite(o.page, r.HTML)
	}

	return printReport(cmd, o, r, nil)
}
