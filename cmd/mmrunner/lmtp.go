package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/lmtp"
	"github.com/mmrunner/mmrunner/runner/qrunner"
)

// lmtpOptions are the flags of mmrunner lmtp.
type lmtpOptions struct {
	listen  []string
	maps    []string
	limits  lmtp.Options
	metrics string
	asUser  bool

	config string
	check  string
	via    string
	wait   time.Duration
}

// addTo adds the flags that say where mail is taken and how much of it.
func (o *lmtpOptions) addTo(f *pflag.FlagSet) {
	d := lmtp.Defaults
	f.StringSliceVar(&o.listen, "listen", nil, "take mail on `ADDRESS`, HOST:PORT or the path of a socket; may be repeated (default "+lmtp.UsualAddress+")")
	f.StringSliceVar(&o.maps, "socketmap", nil, "answer Postfix's socketmap on `ADDRESS`, or none (default "+lmtp.UsualSocketmap+")")
	f.StringSliceVar(&o.limits.Domains, "domain", nil, "take mail at `DOMAIN` for every list, besides those that Mailman knows; * for any")
	f.Int64Var(&o.limits.MaxSize, "max-size", d.MaxSize, "refuse messages of more `BYTES`")
	f.Int64Var(&o.limits.MaxMemory, "max-memory", d.MaxMemory, "keep no more `BYTES` of messages that are being received")
	f.IntVar(&o.limits.MaxConnections, "max-connections", d.MaxConnections, "connections at once on each address; more wait")
	f.DurationVar(&o.limits.IdleTimeout, "idle-timeout", d.IdleTimeout, "close a connection that sends nothing for that long")
	f.DurationVar(&o.limits.MessageTimeout, "message-timeout", d.MessageTimeout, "close a connection that takes longer for one message")
}

// fromSettings takes what the flags do not say from mm_cfg.py, where install --lmtp writes it.
func (o *lmtpOptions) fromSettings(s *site.Site) {
	if a := s.Str("MMRUNNER_LMTP"); a != "" && len(o.listen) == 0 {
		o.listen = []string{a}
	}
	if a := s.Str("MMRUNNER_SOCKETMAP"); a != "" && len(o.maps) == 0 {
		o.maps = []string{a}
	}
	if len(o.limits.Domains) == 0 {
		o.limits.Domains = s.List("MMRUNNER_LMTP_DOMAINS")
	}
}

// validate refuses limits that no mail could be taken with.
func (o *lmtpOptions) validate() error {
	for _, l := range []struct {
		name string
		ok   bool
		got  any
	}{
		{"--max-size", o.limits.MaxSize > 0, o.limits.MaxSize},
		{"--max-memory", o.limits.MaxMemory > 0, o.limits.MaxMemory},
		{"--max-connections", o.limits.MaxConnections > 0, o.limits.MaxConnections},
		{"--idle-timeout", o.limits.IdleTimeout > 0, o.limits.IdleTimeout},
		{"--message-timeout", o.limits.MessageTimeout > 0, o.limits.MessageTimeout},
	} {
		if !l.ok {
			return fmt.Errorf("%s: got %v, need more than 0", l.name, l.got)
		}
	}

	return nil
}

func newLMTP(in *installation) *cobra.Command {
	var o lmtpOptions
	cmd := &cobra.Command{
		Use:   "lmtp",
		Short: "Take mail for all lists from the mail server, in the place of Mailman's pipe aliases",
		Long: `lmtp is an LMTP server (RFC 2033) that does what Mailman's aliases have done for each message by a wrapper and a
Python of its own: it puts mail into Mailman's queues, for all ten addresses of a list and the site's -loop address.
Which lists there are it sees in the lists directory, so a new list has mail at once and needs no alias. A message is
acknowledged when it is flushed to the disk; where that fails, the mail server is told to try again. It may be flushed
in data/mmrunner-lmtp-HOST-redo1 or -redo2 and come into its queue at once thereafter: when the process is killed or the
power fails in between, that is done by the next start, or by uninstall.

It works whoever handles the queues then. "lmtp --config postfix" (exim, sendmail, opensmtpd) prints what to put into
the mail server's configuration, and "lmtp --config pipe" what those need who cannot change it. "lmtp --check LIST"
tries each address of a list, and nothing comes of it in the list.

It ends at SIGTERM or SIGINT, when the messages at hand are done; SIGHUP has it open its log files anew. A program
that was replaced on the disk goes on as the new one, with the same sockets. Sockets that
systemd passes on are taken in the place of --listen and --socketmap. What these and --domain do not say comes from
MMRUNNER_LMTP, MMRUNNER_SOCKETMAP and MMRUNNER_LMTP_DOMAINS in mm_cfg.py, where "install --lmtp" writes it. As root it becomes Mailman's user first.`,
		Example: `  mmrunner lmtp --listen 127.0.0.1:8024 --socketmap 127.0.0.1:8025
  mmrunner lmtp --config postfix
  mmrunner lmtp --check mylist --via localhost:25`,
		Annotations: exits("0 it was told to stop, or all mail arrives where it should", "1 --check: not all mail does", exitNotDone),
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case o.config != "":
				return printMailConfig(cmd, in, o)
			case o.check != "":
				return checkList(cmd, in, o)
			}
			return serveMail(cmd, in, o)
		},
	}

	f := cmd.Flags()
	o.addTo(f)
	metricsFlag(f, &o.metrics)
	f.BoolVarP(&o.asUser, "run-as-user", "u", false, "run as whoever started it")
	f.StringVar(&o.config, "config", "", "print what `SERVER` needs in its configuration, and end")
	f.StringVar(&o.check, "check", "", "try each address of `LIST`, and end")
	f.StringVar(&o.via, "via", "", "for --check: send by SMTP through the mail server at `HOST:PORT`")
	f.DurationVar(&o.wait, "wait", time.Minute, "for --check: how long mail may take")
	completeFlag(cmd, "config", completeWords(lmtp.MailServers...))
	completeFlag(cmd, "check", in.completeLists)
	cmd.MarkFlagsMutuallyExclusive("config", "check")

	return cmd
}

// serveMail takes mail until a signal ends it.
func serveMail(cmd *cobra.Command, in *installation, o lmtpOptions) error {
	ownSignals(cmd)
	if err := o.validate(); err != nil {
		return err
	}

	s, err := in.open(cmd)
	if err != nil {
		return err
	}

	if !o.asUser {
		if err := qrunner.CheckUser(s); err != nil {
			return err
		}
	}

	o.fromSettings(s)
	_, err = takeMail(cmd.Context(), s, o)
	return err
}

func printMailConfig(cmd *cobra.Command, in *installation, o lmtpOptions) error {
	s, err := in.look(cmd)
	if err != nil {
		return err
	}

	o.fromSettings(s)
	text, err := lmtp.Config(s, o.config, lmtp.Addresses{Listen: o.listen, Maps: o.maps, Domains: o.limits.Domains})
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(cmd.OutOrStdout(), text)
	return err
}

func checkList(cmd *cobra.Command, in *installation, o lmtpOptions) error {
	s, err := in.open(cmd)
	if err != nil {
		return err
	}

	o.fromSettings(s)
	err = lmtp.Check{Site: s, List: o.check, Listen: o.listen, Via: o.via, Wait: o.wait}.Run(untilStopped(cmd), cmd.OutOrStdout())
	if errors.Is(err, lmtp.ErrCheck) {
		return &exitError{statusFound, err}
	}
	return err
}
