package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/kill"
)

type tortureOptions struct {
	kills   int
	a       int
	members int
	batch   int
	seed    uint64
	apart   bool
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
			work := []string{exe, "torture-work", fmt.Sprintf("--batch-size=%d", o.batch)}
			workers := [][]string{work}
			if o.apart {
				workers = nil
				for _, name := range runner.Names() {
					workers = append(workers, slices.Concat(work, []string{"--runner=" + name}))
				}
			}
			r, err := kill.Torture(untilStopped(cmd), dir, kill.Options{
				Kills: o.kills, PerRound: o.a, Batch: o.batch, Seed: o.seed,
				Size:     kill.Size{Members: o.members, Bounces: 40, Commands: 40, Talk: !o.apart},
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
	cmd.Flags().Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "of the random times")
	return cmd
}

// newTortureWork is what torture kills.
func newTortureWork() *cobra.Command {
	batch := 0
	var runners []string
	cmd := &cobra.Command{
		Use:    "torture-work DIR",
		Hidden: true,
		Short:  "Drain the queues of a site that torture has made",
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := kill.Work(cmd.Context(), args[0], batch, runners...)
			return err
		},
	}
	cmd.Flags().StringSliceVar(&runners, "runner", nil, "the runner (default all, one after the other)")
	batchSizeFlag(cmd.Flags(), &batch, 25)
	return cmd
}
