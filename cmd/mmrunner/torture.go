package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/devtools/torture"
)

type tortureOptions struct {
	kills    int
	a        int
	members  int
	batch    int
	seed     uint64
	apart    bool
	outgoing bool
}

func newTorture() *cobra.Command {
	var o tortureOptions
	cmd := &cobra.Command{
		Use:    "torture",
		Hidden: true,
		Short:  "Kill mmrunner at random times, over and over, and look for what is lost or done twice",
		Long: `torture makes a small site without a Mailman, has mmrunner work on copies of it, kills it with SIGKILL at
random times, has it start again, and compares what comes of it in the end with an undisturbed run.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			exe, err := os.Executable()
			if err != nil {
				return err
			}

			dir, err := os.MkdirTemp("", "mmrunner-torture-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			if o.outgoing {
				return tortureOutgoing(cmd, dir, []string{exe, "torture-work", fmt.Sprintf("--batch-size=%d", o.batch)}, o.kills, o.seed)
			}

			work := []string{exe, "torture-work", fmt.Sprintf("--batch-size=%d", o.batch)}
			workers := [][]string{work}
			if o.apart {
				workers = nil
				for _, name := range runner.Names() {
					workers = append(workers, slices.Concat(work, []string{"--runner=" + name}))
				}
			}

			r, err := torture.Torture(untilStopped(cmd), dir, torture.Options{
				Kills: o.kills, PerRound: o.a, Batch: o.batch, Seed: o.seed,
				Size:     torture.Size{Members: o.members, Bounces: 40, Commands: 40, Talk: !o.apart},
				Workers:  workers,
				Progress: progress("kills", false),
			})
			if err != nil {
				return err
			}

			return r.Print(cmd.OutOrStdout())
		},
	}

	cmd.Flags().IntVar(&o.kills, "kills", 1000, "how often it is killed")
	cmd.Flags().IntVar(&o.a, "a-round", 2, "how often before it may finish")
	cmd.Flags().IntVar(&o.members, "members", 300, "members of the list")
	batchSizeFlag(cmd.Flags(), &o.batch, 25)
	cmd.Flags().BoolVar(&o.apart, "apart", false, "have a process for each runner, at the same time, and kill each")
	cmd.Flags().BoolVar(&o.outgoing, "outgoing", false, "kill OutgoingRunner, and count what a mail server was given")
	cmd.Flags().Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of the random times")

	return cmd
}

// tortureOutgoing kills OutgoingRunner, and says what the mail server was given. The error is for recipients who had
// nothing, or more copies than there were kills.
func tortureOutgoing(cmd *cobra.Command, dir string, worker []string, kills int, seed uint64) error {
	const messages = 40
	d, err := torture.TortureOutgoing(untilStopped(cmd), dir, worker, messages, kills, seed)
	if err != nil {
		return err
	}

	fmt.Fprintf(cmd.OutOrStdout(), "seed %d: %d kills, %d recipients had nothing, %d copies more than one\n", seed, d.Kills, d.Lost, d.Twice)
	if d.Lost > 0 || d.Twice > d.Kills || len(d.Wrong) > 0 {
		return fmt.Errorf("got %d lost, %d copies more for %d kills, and %v; need nothing lost, and one copy more a kill at most", d.Lost, d.Twice, d.Kills, d.Wrong)
	}
	return nil
}

// newTortureWork makes the hidden command that torture kills.
func newTortureWork() *cobra.Command {
	batch, port := 0, 0
	var runners []string
	cmd := &cobra.Command{
		Use:    "torture-work DIR",
		Hidden: true,
		Short:  "Drain the queues of a site that torture has made",
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if port != 0 {
				return torture.Deliver(cmd.Context(), args[0], batch, port)
			}
			_, err := torture.Work(cmd.Context(), args[0], batch, runners...)
			return err
		},
	}

	cmd.Flags().StringSliceVar(&runners, "runner", nil, "the runner (default all, one after the other)")
	cmd.Flags().IntVar(&port, "smtp-port", 0, "be OutgoingRunner instead, with a mail server at this port")
	batchSizeFlag(cmd.Flags(), &batch, 25)
	return cmd
}
