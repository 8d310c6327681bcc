package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/runner/verify"
)

type verifyOptions struct {
	asJSON  bool
	max     int
	file    string
	against string
	without bool // --without-python
	doubts  bool
}

func newVerify(in *installation) *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify [LIST...]",
		Short: "Show that mmrunner reads and writes the site's pickles as Python does",
		Long: `verify reads every pickle of the site (lists, pending confirmations, requests, queue entries, held
messages, bounce events; or those of the named lists), writes it again in memory, reads that, and compares
values and their types: with gopickle's reading of the file, and with that of the cPickle of the site's own Python,
which also reads what mmrunner would have written. It changes nothing and takes no lock.

A damaged file that is still a pickle cannot be told from a sound one by reading it. So verify also holds each
list against its config.pck.last and its tables of members against each other: a setting that is gone, a value that
is the same but of another type, a string with one byte changed, a member without a password. These findings are
doubts; --doubts=false leaves them out.

With --file FILE --against FILE2 it compares two files of pickles, of any kind, by value and type.

A comparison that cannot be made is a failure: where the site has no Python, say --without-python to do without.`,
		Example: `  mmrunner verify
  mmrunner verify mylist --json
  mmrunner verify --file config.pck --against backup/config.pck`,
		ValidArgsFunction: in.completeLists,
		Annotations:       exits("0 nothing was found", "1 something was found: a difference or a doubt", "2 a file could not be read, or nothing was compared", exitStopped),
		RunE:              func(cmd *cobra.Command, args []string) error { return runVerify(cmd, in, o, args) },
	}

	f := cmd.Flags()
	f.BoolVar(&o.asJSON, "json", false, "print the report as JSON")
	f.IntVar(&o.max, "max", verify.DefaultMax, "differences that each check of a file tells of at most")
	f.StringVar(&o.file, "file", "", "a file of pickles to compare, with --against")
	f.StringVar(&o.against, "against", "", "the file to compare it with")
	f.BoolVar(&o.without, "without-python", false, "do not compare with the reading of the site's Python")
	f.BoolVar(&o.doubts, "doubts", true, "look for damage that only a look at the values shows")
	cmd.MarkFlagsRequiredTogether("file", "against")

	return cmd
}

// errFound ends a command once its report is printed: there is something to look at.
var errFound = &exitError{status: statusFound}

func runVerify(cmd *cobra.Command, in *installation, o verifyOptions, lists []string) error {
	if o.max < 1 {
		return fmt.Errorf("--max: got %d, need at least 1", o.max)
	}

	if o.file != "" {
		if len(lists) > 0 {
			return fmt.Errorf("got --file and the list %s, need one or the other", lists[0])
		}
		return verifyPair(cmd, in, o)
	}

	s, err := in.look(cmd)
	if err != nil {
		return err
	}
	files, err := verify.Files(s, lists)
	if err != nil {
		return err
	}

	opt := verify.Options{Lists: lists, Max: o.max, Doubts: o.doubts, Progress: progressBytes("verify", o.asJSON)}
	if !o.without {
		if !s.Probed {
			return fmt.Errorf("%s: no Python 2.7 to compare with: %w; name it in $MAILMAN_PYTHON, or do without: --without-python", s.Prefix, s.Problem)
		}
		if opt.Python, err = verify.StartPython(s.Python); err != nil {
			return fmt.Errorf("%s: the site's Python cannot be started: %w; do without it: --without-python", s.Prefix, err)
		}
		defer opt.Python.Close()
	}

	// There is nothing to clean up after a signal: it ends the process at once, also in the middle of a large file.
	r, err := verify.Run(cmd.Context(), files, opt)
	if err != nil {
		return err
	}

	if o.asJSON {
		err = printJSON(cmd, r)
	} else {
		err = printVerify(cmd.OutOrStdout(), r)
	}

	switch {
	case err != nil:
		return err
	case r.Files == 0:
		return fmt.Errorf("%s: there was no file to compare; nothing was verified", s.Prefix)
	case len(r.Unread) > 0:
		return fmt.Errorf("%s not be read; the rest was compared", several(len(r.Unread), "file or directory could", "files or directories could"))
	case len(r.Findings) > 0:
		return errFound
	}

	return nil
}

// pairDocument is the document that --json prints for two files.
type pairDocument struct {
	File     string           `json:"file"`
	Against  string           `json:"against"`
	Findings []verify.Finding `json:"findings"`
}

func verifyPair(cmd *cobra.Command, in *installation, o verifyOptions) error {
	input, err := in.inputs(cmd.InOrStdin(), o.file, o.against)
	if err != nil {
		return err
	}
	defer input.close()

	var pair [2]verify.Content
	for i, name := range []string{o.file, o.against} {
		pair[i].Path = name
		if pair[i].Bytes, err = input.read(name); err != nil {
			return err
		}
	}

	found, err := verify.Pair(pair[0], pair[1], verify.Options{Max: o.max})
	if err != nil {
		return err
	}

	out := cmd.OutOrStdout()
	switch {
	case o.asJSON:
		if found == nil {
			found = []verify.Finding{}
		}
		err = printJSON(cmd, pairDocument{o.file, o.against, found})
	case len(found) == 0:
		_, err = fmt.Fprintf(out, "%s and %s hold equal values of equal types\n", terminal.Escape(o.file), terminal.Escape(o.against))
	default:
		printFindings(out, found)
	}

	if err == nil && len(found) > 0 {
		return errFound
	}

	return err
}

// printFindings groups them under their files.
func printFindings(w io.Writer, found []verify.Finding) {
	last := ""
	for _, f := range found {
		if f.File != last {
			last = f.File
			in := terminal.Escape(f.File)
			if f.List != "" {
				in += " (list " + terminal.Escape(f.List) + ")"
			}
			fmt.Fprintln(w, in)
		}

		fmt.Fprintf(w, "  %s: %s\n    got  %s\n    need %s\n", f.Check, terminal.Escape(f.Path), terminal.Escape(f.Had), terminal.Escape(f.Wanted))
	}
}

func printVerify(w io.Writer, r *verify.Report) error {
	printFindings(w, r.Findings)
	for _, u := range r.Unread {
		fmt.Fprintln(w, "not read: "+terminal.Escape(u))
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KIND\tFILES\tMB")

	for _, k := range verify.Kinds {
		if n, ok := r.Kinds[k]; ok {
			fmt.Fprintf(t, "%s\t%d\t%.3f\n", k, n.Files, float64(n.Bytes)/1e6)
		}
	}

	fmt.Fprintf(t, "all\t%d\t%.3f\n", r.Files, float64(r.Bytes)/1e6)
	if err := t.Flush(); err != nil {
		return err
	}
	speeds := []string{speed("read", r.Bytes, r.Read), speed("written", r.Bytes, r.Write)}

	if r.Python > 0 {
		speeds = append(speeds, speed("read by cPickle", r.Bytes, r.PythonRead))
	}

	compared := fmt.Sprintf("compared with gopickle %s, with the site's Python %d", several(r.Gopickle, "file", "files"), r.Python)
	if r.Vanished > 0 {
		compared += "; " + several(r.Vanished, "file was", "files were") + " removed meanwhile"
	}
	for _, line := range []string{
		fmt.Sprintf("%s of %s: %s", several(r.Pickles, "pickle", "pickles"), several(r.Lists, "list", "lists"), strings.Join(speeds, ", ")),
		fmt.Sprintf("%s; %.1f s in all", compared, r.Elapsed.Seconds()),
	} {
		fmt.Fprintln(w, terminal.Wrap(line, terminal.Width))
	}

	doubts := 0
	for _, f := range r.Findings {
		if f.Check == verify.CheckDoubt {
			doubts++
		}
	}

	_, err := fmt.Fprintf(w, "%s, %s\n", several(len(r.Findings)-doubts, "difference", "differences"), several(doubts, "doubt", "doubts"))
	return err
}

func speed(what string, bytes int64, d time.Duration) string {
	if d <= 0 {
		return what
	}
	return fmt.Sprintf("%s at %.0f MB/s", what, float64(bytes)/1e6/d.Seconds())
}
