package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/terminal"
)

type probeOptions struct {
	asJSON  bool
	noCache bool
}

func newProbe(in *installation) *cobra.Command {
	var o probeOptions
	cmd := &cobra.Command{
		Use:   "probe",
		Short: "Print what mmrunner knows about the installation",
		Long: `probe prints the profile that mmrunner works from: the release, paths, languages, bounce modules and
commands of the installation, and which of its modules are not as Mailman ships them. The profile is kept beside the
installation's data and made again when a file it came from changes.`,
		Args: cobra.NoArgs,
		Example: `  mmrunner probe
  mmrunner probe --json --no-cache`,
		Annotations: exits("0 the installation could be asked", "2 it could not; what is known without it is printed"),
		RunE:        func(cmd *cobra.Command, _ []string) error { return probe(cmd, in, o) },
	}

	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print the whole profile as JSON")
	cmd.Flags().BoolVar(&o.noCache, "no-cache", false, "ask the installation's Python again, and keep nothing")
	return cmd
}

func probe(cmd *cobra.Command, in *installation, o probeOptions) error {
	s, err := in.site(site.Options{
		NoCache: o.noCache,
		Warn:    warn(cmd),
	})
	if err != nil {
		return err
	}
	var problem error

	if s.Problem != nil {
		problem = fmt.Errorf("%s: its Python does not answer: %w; name another in $MAILMAN_PYTHON", s.Prefix, s.Problem)
	}

	if !o.asJSON {
		return errors.Join(summary(cmd.OutOrStdout(), s), problem)
	}
	if problem != nil {
		return problem
	}
	b, err := s.Profile.JSON()
	if err != nil {
		return err
	}

	return printJSON(cmd, probeDocument{s.Prefix, s.Python, b})
}

// probeDocument is the document that --json prints. The profile is as the program that asks the installation's Python writes it, and
// so is its cache: its names are Mailman's.
type probeDocument struct {
	Prefix  string          `json:"prefix"`
	Python  string          `json:"python"`
	Profile json.RawMessage `json:"profile"`
}

// summary prints what an administrator wants to check before trusting mmrunner
// with a site.
func summary(w io.Writer, s *site.Site) error {
	p := s.Profile
	const names = 17 // columns
	row := func(name, format string, a ...any) {
		text := terminal.Wrap(terminal.Escape(fmt.Sprintf(format, a...)), screenWidth()-names)
		fmt.Fprintf(w, "%-*s%s\n", names, name, strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+strings.Repeat(" ", names)))
	}
	row("prefix", "%s", s.Prefix)

	if s.Probed {
		row("Mailman", "%s (list data version %d)", p.Version, p.DataFileVersion)
		row("Python", "%s at %s", p.Python.Version, s.Python)
	} else {
		row("Mailman", "not probed: %v", s.Problem)
	}

	for _, name := range []string{"VAR_PREFIX", "LIST_DATA_DIR", "QUEUE_DIR", "DATA_DIR", "LOCK_DIR", "LOG_DIR", "TEMPLATE_DIR", "MESSAGES_DIR"} {
		row(name, "%s", s.Str(name))
	}
	row("site list", "%s", s.Str("MAILMAN_SITE_LIST"))
	row("languages", "%d: %s", len(p.Languages), strings.Join(slices.Sorted(maps.Keys(p.Languages)), " "))
	row("server language", "%s", s.Str("DEFAULT_SERVER_LANGUAGE"))
	row("bounce pipeline", "%s", strings.Join(p.Bouncers.Pipeline, " "))
	row("commands", "%s", strings.Join(slices.Sorted(maps.Keys(p.Commands)), " "))
	texts := 0
	for _, m := range p.Messages {
		texts += len(m)
	}
	row("texts", "%d in %d modules", texts, len(p.Messages))
	var delegated, changed []string
	for _, name := range p.Custom {
		if strings.HasPrefix(name, "Commands/") || strings.HasPrefix(name, "Bouncers/") {
			delegated = append(delegated, name)
		} else {
			changed = append(changed, name)
		}
	}

	row("custom modules", "%s", remarked(delegated, " (left to the installation's Python)"))
	row("changed modules", "%s", remarked(changed, " (no effect under mmrunner)"))
	switch {
	case s.Cached:
		row("profile", "read from %s", s.CacheFile())
	case s.Probed:
		row("profile", "made now")
	default:
		row("profile", "built in")
	}

	if text := p.WithoutEffectText(""); text != "" {
		_, err := fmt.Fprintln(w, "\n"+terminal.Wrap(fmt.Sprintf("WARNING: %s. The runners concerned are left to Mailman's Python unless told otherwise with --ignore-changes, or %s = True in mm_cfg.py.",
			terminal.Escape(text), site.IgnoreChanges), screenWidth()))
		return err
	}

	return nil
}

// remarked lists names with a remark, or says that there are none.
func remarked(names []string, remark string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, " ") + remark
}
