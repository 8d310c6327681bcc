package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/demo"
	"github.com/mmrunner/mmrunner/runner/devtools/bench"
	"github.com/mmrunner/mmrunner/runner/engine"
)

// mailmanChild is the argument of bench --child for the figures of an installed Mailman.
const mailmanChild = "mailman"

// mailmanFigures has an installed Mailman measured, if there is one. That is the work of a process of its own, since it
// becomes Mailman's user where root starts it, and that user may have no right to this process's files.
func mailmanFigures(ctx context.Context, cmd *cobra.Command, in *installation, o demoOptions) (demo.Mailman, error) {
	prefix, err := site.Find(in.prefix)
	if o.mailman < 1 || err != nil {
		return demo.Recorded, nil
	}
	self, err := os.Executable()
	if err != nil {
		return demo.Mailman{}, err
	}

	fmt.Fprintf(cmd.OutOrStdout(), "\nMeasuring the Mailman in %s with a few messages.\n", prefix)
	child := exec.CommandContext(ctx, self, "bench", "--child", prefix, "--members", strconv.Itoa(o.members),
		"--mailman-entries", strconv.Itoa(o.mailman), mailmanChild)
	child.Env = append(os.Environ(), "TMPDIR=")
	child.Stderr = os.Stderr
	b, err := child.Output()
	if ctx.Err() != nil {
		return demo.Mailman{}, context.Cause(ctx)
	}

	m := demo.Mailman{}
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		complain(cmd.ErrOrStderr(), fmt.Errorf("the Mailman in %s could not be measured: %w", prefix, err))
		return demo.Recorded, nil
	}

	return m, nil
}

// measureMailman is the process that mailmanFigures starts.
func measureMailman(cmd *cobra.Command, prefix string, o benchOptions) error {
	in := &installation{prefix: prefix}
	installed, err := in.site(site.Options{NoCache: true})
	if err == nil {
		err = installed.Problem
	}
	if err != nil {
		return err
	}

	var rows []bench.Row
	for _, k := range append(runner.Kinds[:len(runner.Kinds):len(runner.Kinds)], runner.Outgoing) {
		rows = append(rows, bench.Row{Members: o.Members[0], Drained: bench.Drained{Stats: engine.Stats{Runner: k.Name}}})
	}
	if err := benchMailman(installed, rows, o); err != nil {
		return err
	}

	dir, err := os.MkdirTemp("", "mmrunner-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	pipe, err := bench.PipeTime(installed, dir, o.mailman)
	if err != nil {
		return err
	}

	return json.NewEncoder(cmd.OutOrStdout()).Encode(demo.Mailman{
		Pipe: pipe, Bounce: rows[0].Mailman, Command: rows[1].Mailman, Notice: rows[2].Mailman, Message: rows[3].Mailman,
		Source: fmt.Sprintf("Mailman's figures are those of Mailman %s in %s, measured just now with %d messages a step.",
			installed.Profile.Version, installed.Prefix, o.mailman),
	})
}
