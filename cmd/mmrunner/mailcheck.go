package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/devtools/mailcheck"
)

type mailcheckOptions struct {
	corpus    string
	mutations int
	seeds     []uint
	show      int
	save      string
}

func newMailcheck(in *installation) *cobra.Command {
	var o mailcheckOptions
	cmd := &cobra.Command{
		Use:   "mailcheck",
		Short: "Hold the mail parser against the site's own Python",
		Long: `mailcheck lets mmrunner and the installation's Python read the same messages and compares what
they see: structure, headers, parameters, payloads, addresses, lines, and the message written out again. The
messages are samples of mmrunner's own, those below --corpus, and mutations of both.`,
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE:   func(cmd *cobra.Command, _ []string) error { return checkMail(cmd, in, o) },
	}

	cmd.Flags().StringVar(&o.corpus, "corpus", "", "a directory of messages")
	cmd.Flags().IntVarP(&o.mutations, "mutations", "n", 5000, "mutations to make of each seed")
	cmd.Flags().UintSliceVar(&o.seeds, "seed", []uint{1}, "seeds of the mutations")
	cmd.Flags().IntVar(&o.show, "show", 20, "differences to print")
	cmd.Flags().StringVar(&o.save, "save", "", "a directory to write the messages that differ to")

	return cmd
}

func checkMail(cmd *cobra.Command, in *installation, o mailcheckOptions) error {
	s, err := in.site(site.Options{Warn: warn(cmd)})
	if err != nil {
		return err
	}
	if s.Python == "" {
		return fmt.Errorf("%s: there is no Python, need the interpreter that its scripts run under", s.Prefix)
	}

	samples := mailcheck.Samples()
	if o.corpus != "" {
		corpus, err := mailcheck.ReadCorpus(o.corpus)
		if err != nil {
			return err
		}
		samples = append(samples, corpus...)
	}

	p, err := mailcheck.Start(s.Python, s.Prefix)
	if err != nil {
		return err
	}
	defer p.Close()
	out := cmd.OutOrStdout()
	messages, differences := 0, 0
	for _, seed := range o.seeds {
		n, err := p.Run(samples, uint64(seed), o.mutations, func(d mailcheck.Difference) bool {
			differences++
			if differences <= o.show {
				fmt.Fprintln(out, d)
			}

			if o.save != "" {
				err = os.WriteFile(filepath.Join(o.save, fmt.Sprintf("%d.eml", differences)), []byte(d.Text), 0o666)
			}
			return err != nil
		})
		if err != nil {
			return err
		}
		messages += n
	}

	fmt.Fprintf(out, "samples %d, seeds %d, messages compared %d (mutations %d), differences %d\n",
		len(samples), len(o.seeds), messages, messages-len(samples)*len(o.seeds), differences)
	if differences > 0 {
		return fmt.Errorf("got %d differences, need none", differences)
	}

	return nil
}
