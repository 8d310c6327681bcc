package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/message"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/mmcompat/terminal"
	"github.com/mmrunner/mmrunner/runner/bounce/beyond"
	"github.com/mmrunner/mmrunner/runner/bounce/detect"
)

type detectOptions struct {
	asJSON  bool
	mbox    bool
	builtin bool
	beyond  bool
	nested  bool
}

func newDetect(in *installation) *cobra.Command {
	var o detectOptions
	cmd := &cobra.Command{
		Use:   "detect FILE...",
		Short: "Show whom messages are bounces for",
		Long: `detect looks at messages, one a file (- is standard input), as BounceRunner would, and prints for each the
bounce module that recognised it and the bouncing addresses, or "warning" for a delay that is no error, or "none".
With --beyond-mailman, it prints for what is none of these whom mmrunner's own rules find ("beyond/RULE"), or what
else the message is: delayed, delivered, notification, autoreply or complaint.
It uses the bounce modules' order and patterns of the installation, or mmrunner's own where there is none or with
--builtin. It changes nothing.`,
		Example:     "  mmrunner detect bounce.eml\n  mmrunner detect --mbox --json /var/mail/bounces",
		Args:        cobra.MinimumNArgs(1),
		Annotations: exits("0 every message was looked at, whatever was found in it", "2 a file could not be read, or only the installation's own modules can tell"),
		RunE:        func(cmd *cobra.Command, args []string) error { return detectFiles(cmd, in, o, args) },
	}

	jsonFlag(cmd.Flags(), &o.asJSON)
	cmd.Flags().BoolVar(&o.mbox, "mbox", false, "the files are mailboxes of many messages")
	cmd.Flags().BoolVar(&o.builtin, "builtin", false, "use mmrunner's own patterns even if there is a Mailman")
	cmd.Flags().BoolVar(&o.beyond, "beyond-mailman", false, "where Mailman's modules find nothing, use mmrunner's own rules (implies --ignore-nested-reports)")
	cmd.Flags().BoolVar(&o.nested, "ignore-nested-reports", false, "do not count a delivery report that lies inside the returned message")

	return cmd
}

// detectDocument is printed with --json.
type detectDocument struct {
	Messages []detected `json:"messages"`
}

// detected is the result for one message.
type detected struct {
	File    string `json:"file"`
	Message int    `json:"message,omitempty"` // which one of a mailbox, from 1
	// Result is bounce, warning, none, python for what only the installation's
	// own modules can tell, or error for what they fail on; with --beyond-mailman
	// also one of the kinds of package beyond.
	Result    string   `json:"result"`
	Module    string   `json:"module,omitempty"`
	Rule      string   `json:"rule,omitempty"` // of module beyond
	Addresses []string `json:"addresses,omitempty"`
	Reason    string   `json:"reason,omitempty"`
}

// needPython is the result for a message of which only the installation's own modules can tell.
const needPython = "python"

func detectFiles(cmd *cobra.Command, in *installation, o detectOptions, files []string) error {
	input, err := openInputs(cmd.InOrStdin(), files)
	if err != nil {
		return err
	}
	defer input.close()
	profile, err := detectProfile(cmd, in, o)
	if err != nil {
		return err
	}

	d, err := detect.New(profile)
	if err != nil {
		return err
	}
	all := []detected{}
	failed, looked, untold := 0, 0, 0
	for _, file := range files {
		b, err := input.read(file)
		if err != nil {
			complain(cmd.ErrOrStderr(), err)
			failed++
			continue
		}

		texts := []string{string(b)}
		if o.mbox {
			texts = detect.SplitMbox(string(b))
		}

		for i, text := range texts {
			r := detectIn(d, o, text)
			looked++

			if r.Result == needPython {
				untold++
			}

			r.File = file
			if o.mbox {
				r.Message = i + 1
			}

			if o.asJSON {
				all = append(all, r)
			} else {
				fmt.Fprintln(cmd.OutOrStdout(), r)
			}
		}
	}

	if o.asJSON {
		if err := printJSON(cmd, detectDocument{all}); err != nil {
			return err
		}
	}

	switch {
	case failed > 0:
		return fmt.Errorf("%d of %d files could not be read", failed, len(files))
	case looked == 0:
		return errors.New("there was no message in any of the files; nothing was looked at")
	case untold > 0:
		return fmt.Errorf("of %s only the installation's Python can tell", several(untold, "message", "messages"))
	}

	return nil
}

// detectProfile is the installation's, or the built-in one if there is none and
// none was asked for.
func detectProfile(cmd *cobra.Command, in *installation, o detectOptions) (*site.Profile, error) {
	if o.builtin {
		return site.Builtin(), nil
	}
	s, err := in.site(site.Options{Warn: warn(cmd)})
	switch {
	case err == nil:
		return s.Profile, nil
	case in.prefix == "" && os.Getenv("MAILMAN_PREFIX") == "" && !errors.Is(err, site.ErrUnsupported):
		return site.Builtin(), nil
	}

	return nil, err
}

func detectIn(d *detect.Detector, o detectOptions, text string) detected {
	m, err := message.Parse(text)
	if err != nil {
		return detected{Result: "error", Reason: err.Error()}
	}

	own := m
	if o.beyond || o.nested {
		own, _ = beyond.WithoutNestedReports(m)
	}

	r := d.Scan(own)
	out := detected{Result: "bounce", Module: r.Module}
	switch {
	case r.NeedPython != "":
		out.Result, out.Reason = needPython, r.NeedPython
	case r.Err != nil:
		out.Result, out.Reason = "error", r.Err.Error()
	case r.Stop:
		out.Result = "warning"
	case len(r.Addrs) == 0:
		out.Result = "none"
	}

	for _, a := range r.Addrs {
		out.Addresses = append(out.Addresses, latin1Text(a))
	}
	if o.beyond && (out.Result == "none" || out.Result == "warning") {
		return detectBeyond(own, out)
	}

	return out
}

// detectBeyond is the result of mmrunner's own rules, for a message in which Mailman's
// modules have found no address.
func detectBeyond(m *message.Message, mailman detected) detected {
	var r beyond.Result
	if mailman.Result == "warning" {
		r = beyond.FailedBesideDelayed(m)
	} else {
		r = beyond.Find(m)
	}

	if r.Kind == beyond.None {
		return mailman
	}
	out := detected{Result: string(r.Kind), Module: "beyond", Rule: r.Rule}
	for _, a := range r.Recipients {
		out.Addresses = append(out.Addresses, a.Addr)
	}
	return out
}

// latin1Text makes text of an address whose bytes may be in any charset: JSON
// has no bytes.
func latin1Text(s string) string {
	r := make([]rune, 0, len(s))
	for i := range len(s) {
		r = append(r, rune(s[i]))
	}
	return string(r)
}

func (r detected) String() string {
	var b strings.Builder
	b.WriteString(terminal.Escape(r.File))

	if r.Message > 0 {
		fmt.Fprintf(&b, ":%d", r.Message)
	}

	b.WriteString(": ")
	if r.Module != "" {
		b.WriteString(terminal.Escape(r.Module))
		if r.Rule != "" {
			b.WriteString("/" + r.Rule)
		}
		b.WriteByte(' ')
	}

	switch {
	case r.Reason != "":
		fmt.Fprintf(&b, "%s (%s)", r.Result, terminal.Escape(r.Reason))
	case r.Result == "bounce":
		for i, a := range r.Addresses {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(terminal.Escape(a))
		}
	default:
		b.WriteString(r.Result)
	}

	return b.String()
}
