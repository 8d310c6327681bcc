package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/runner/devtools/bench"
	"github.com/mmrunner/mmrunner/runner/devtools/postfix"
)

// postfixChild is the argument of bench --child for a Postfix.
const postfixChild = "postfix"

// postfixChildren are processes of root's that start a Postfix each when they are asked to.
type postfixChildren []*postfixStarter

// postfixStarter is one of them: it is asked by one JSON document, answers with another, and stops its Postfix when
// its standard input ends.
type postfixStarter struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *json.Decoder
}

// postfixRequest has the lines that a Postfix is started with.
type postfixRequest struct{ Settings, Aliases string }

// startPostfixChildren starts two of them: one for LMTP, one for the pipe. The error is postfix.ErrNone where no Postfix
// can be started.
func startPostfixChildren(ctx context.Context, self string) (all postfixChildren, err error) {
	if err := postfix.Look(); err != nil {
		return nil, err
	}

	for range 2 {
		c := &postfixStarter{cmd: exec.CommandContext(ctx, self, "bench", "--child", "", postfixChild)}
		c.cmd.Stderr = os.Stderr
		if c.in, err = c.cmd.StdinPipe(); err != nil {
			return nil, errors.Join(err, all.close())
		}
		out, err := c.cmd.StdoutPipe()
		if err != nil {
			return nil, errors.Join(err, all.close())
		}

		c.out = json.NewDecoder(out)
		if err := c.cmd.Start(); err != nil {
			return nil, errors.Join(err, all.close())
		}
		all = append(all, c)
	}

	return all, nil
}

// close ends those that are left.
func (all *postfixChildren) close() error {
	var errs []error
	for _, c := range *all {
		errs = append(errs, c.stop())
	}
	*all = nil
	return errors.Join(errs...)
}

func (c *postfixStarter) stop() error { return errors.Join(c.in.Close(), c.cmd.Wait()) }

// start has the next of them start its Postfix.
func (all *postfixChildren) start(settings, aliases string) (*bench.MailServer, error) {
	if len(*all) == 0 {
		return nil, errors.New("no process is left that could start a Postfix")
	}
	c := (*all)[0]
	*all = (*all)[1:]

	if err := json.NewEncoder(c.in).Encode(postfixRequest{settings, aliases}); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	server := &bench.MailServer{}
	if err := c.out.Decode(server); err != nil {
		return nil, errors.Join(err, c.stop())
	}

	server.Stop = c.stop
	return server, nil
}

// postfixOfChild is the process that startPostfixChildren starts.
func postfixOfChild(cmd *cobra.Command) (err error) {
	in := json.NewDecoder(cmd.InOrStdin())
	var request postfixRequest
	if err := in.Decode(&request); err != nil {
		if errors.Is(err, io.EOF) {
			return nil // it was not needed
		}
		return err
	}

	// All of Postfix's users read this directory.
	syscall.Umask(0o022)
	dir, err := os.MkdirTemp("", "mmrunner-postfix-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}

	p, err := postfix.Start(dir, request.Settings, request.Aliases)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	pid, err := p.PID()
	if err != nil {
		return err
	}

	answer := bench.MailServer{PID: pid, Address: p.Address, Log: filepath.Join(dir, "log")}
	if err := json.NewEncoder(cmd.OutOrStdout()).Encode(answer); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, cmd.InOrStdin())
	return err
}
