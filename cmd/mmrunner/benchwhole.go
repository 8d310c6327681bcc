package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/devtools/bench"
	"github.com/mmrunner/mmrunner/runner/devtools/torture"
	"github.com/mmrunner/mmrunner/runner/engine"
	"github.com/mmrunner/mmrunner/runner/qrunner"
	"github.com/mmrunner/mmrunner/runner/service"
)

// wholeChild begins the argument of bench --child for one of the four runners: its name and the mail server's port follow.
const wholeChild = "whole"

// benchWhole measures the whole way, beside an installed Mailman if there is one.
func benchWhole(ctx context.Context, self string, installed *site.Site, o benchOptions) ([]bench.WholeRow, error) {
	box, err := torture.NewMailbox()
	if err != nil {
		return nil, err
	}
	defer box.Close()
	return bench.Whole{
		Members: o.Members, Bounces: max(1, o.Bounces/o.whole), Commands: max(1, o.Commands/o.whole),
		Start:     func(dir string, port int) (bench.Runners, error) { return startWhole(ctx, self, dir, port) },
		Installed: installed, ForMailman: 2 * o.mailman, MailmanUpTo: o.Members[len(o.Members)/2],
		Server: box, Progress: o.Progress,
	}.Run()
}

// wholeRunners are such children, one for each runner, as mailmanctl has them.
type wholeRunners []*exec.Cmd

// startWhole starts mmrunner's four runners, and returns when they are ready.
func startWhole(ctx context.Context, self, dir string, port int) (all wholeRunners, err error) {
	for _, name := range wholeNames() {
		child := exec.CommandContext(ctx, self, "bench", "--child", dir, strings.Join([]string{wholeChild, name, strconv.Itoa(port)}, ":"))
		child.Stderr = os.Stderr
		err := child.Start()
		if err == nil {
			all = append(all, child)
			err = awaitStart(dir, name)
		}
		if err != nil {
			_, err2 := all.Stop()
			return nil, errors.Join(err, err2)
		}
	}

	return all, nil
}

// wholeNames are the class names of the four runners.
func wholeNames() []string { return append(runner.Names(), runner.Outgoing.Name) }

// awaitStart returns when a runner has said in the qrunner log that it begins.
func awaitStart(dir, name string) error {
	const longest = time.Minute
	line := []byte(name + " qrunner started.")
	log := filepath.Join(dir, "logs", "qrunner")
	for end := time.Now().Add(longest); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if b, err := os.ReadFile(log); err == nil && bytes.Contains(b, line) {
			return nil
		}
	}

	return fmt.Errorf("mmrunner's %s: got no %q in %s within %v", name, line, log, longest)
}

// Stop ends them. Their start is a part of the time, which makes little of it.
func (all wholeRunners) Stop() (cpu time.Duration, err error) { return bench.StopAll(all) }

// runWhole is a child: a runner on a made-up site, until SIGTERM.
func runWhole(cmd *cobra.Command, dir, what string) error {
	ownSignals(cmd)
	name, port, _ := strings.Cut(what, ":")
	smtp, err := strconv.Atoi(port)
	if err != nil {
		return err
	}

	p := site.Builtin()
	for name, n := range map[string]int{"SMTPPORT": smtp, "REGISTER_BOUNCES_EVERY": bench.Every} {
		p.Settings[name] = site.Setting{Value: pickle.Int(n)}
	}
	p.Settings["SMTPHOST"] = site.Setting{Value: pickle.Str("127.0.0.1")}
	process := &service.Process{
		Runners: []qrunner.Spec{{Name: name, Slices: 1}},
		Site:    site.FromProfile(dir, p), Version: version(), Handler: handler, BatchSize: engine.DefaultBatch,
	}

	_, err = process.Run(cmd.Context())
	return err
}
