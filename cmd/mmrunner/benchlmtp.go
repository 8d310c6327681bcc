package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/devtools/bench"
	"github.com/mmrunner/mmrunner/runner/devtools/postfix"
	"github.com/mmrunner/mmrunner/runner/lmtp"
)

// lmtpChild is the argument of bench --child for an LMTP server.
const lmtpChild = "lmtp"

// intakeDocument is the output of bench --lmtp --json.
type intakeDocument struct {
	Intake []bench.IntakeRow `json:"intake"`
	Trips  []bench.TripRow   `json:"trips"`
}

// benchIntake measures the way in.
func benchIntake(cmd *cobra.Command, in *installation, o benchOptions) error {
	if o.Bounces < 1 || o.piped < 1 {
		return fmt.Errorf("--bounces, --piped: got %d and %d, need at least 1", o.Bounces, o.piped)
	}

	// Pipes run as another user, and read the made-up sites.
	syscall.Umask(0o022)
	ctx := untilStopped(cmd)
	self, err := os.Executable()
	if err != nil {
		return err
	}

	say := func(what string) { fmt.Fprintln(cmd.ErrOrStderr(), what+" ...") }
	i := bench.Intake{
		Messages: o.Bounces, Piped: o.piped, Members: o.Members[len(o.Members)/2],
		Serve: func(dir string) (*bench.Served, error) { return startLMTPChild(ctx, self, dir) },
		Drain: drainChildren(ctx, self), Mmpost: findMmpost(self), Progress: say,
	}
	// Only root can start Postfix, so that is got ready before this process becomes Mailman's user.
	postfixes, err := startPostfixChildren(ctx, self)
	switch {
	case errors.Is(err, postfix.ErrNone):
		fmt.Fprintf(cmd.ErrOrStderr(), "the whole way is not measured: %v\n", err)
	case err != nil:
		return err
	default:
		i.Postfix = postfixes.start
		defer postfixes.close()
	}

	if i.Mmpost == "" {
		fmt.Fprintln(cmd.ErrOrStderr(), "no mmpost beside this program or on PATH: it is not measured")
	}

	if o.mailman > 0 {
		if i.Installed, err = in.site(site.Options{NoCache: true}); err == nil {
			err = i.Installed.Problem
		}
		if err != nil {
			i.Installed = nil
			fmt.Fprintf(cmd.ErrOrStderr(), "no Mailman to compare with: %v\n", err)
		}
	}

	rows, err := i.Run()
	if err != nil {
		return err
	}

	trips, err := i.Trips()
	if err != nil {
		return err
	}

	if o.asJSON {
		return printJSON(cmd, intakeDocument{rows, trips})
	}
	return printIntake(cmd.OutOrStdout(), rows, trips)
}

func printIntake(w io.Writer, rows []bench.IntakeRow, trips []bench.TripRow) error {
	if err := bench.PrintIntake(w, rows); err != nil {
		return err
	}

	if times, ok := bench.PostTimesLess(rows); ok {
		fmt.Fprintf(w, "mmpost takes %.0f times less processor time than Mailman's script.\n", times)
	}

	if len(trips) > 0 {
		fmt.Fprintln(w)
		if err := bench.PrintTrips(w, trips); err != nil {
			return err
		}
	}

	if times, ok := bench.TimesLess(trips); ok {
		fmt.Fprintf(w, "By LMTP, %d bounces; by the pipe, %d, scaled. By LMTP, bounces take %.1f times\nless processor time, all processes together.\n",
			trips[0].Bounces, trips[1].Bounces, times)
	}
	for _, line := range bench.OverIntake(rows, trips) {
		fmt.Fprintln(w, "over budget: "+line)
	}
	return nil
}

// findMmpost is the path of mmpost, beside this program or on PATH; "" for none.
func findMmpost(self string) string {
	beside := filepath.Join(filepath.Dir(self), "mmpost")
	if _, err := os.Stat(beside); err == nil {
		return beside
	}

	path, err := exec.LookPath("mmpost")
	if err != nil {
		return ""
	}
	return path
}

// childAddresses are where an LMTP server of bench listens, as it tells its parent.
type childAddresses struct{ Mail, Maps string }

// startLMTPChild starts this program as the LMTP server of the site in dir.
func startLMTPChild(ctx context.Context, self, dir string) (*bench.Served, error) {
	child := exec.CommandContext(ctx, self, "bench", "--child", dir, lmtpChild)
	child.Stderr = os.Stderr
	end, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := child.StdoutPipe()
	if err != nil {
		return nil, err
	}

	if err := child.Start(); err != nil {
		return nil, err
	}
	var at childAddresses
	if err := json.NewDecoder(out).Decode(&at); err != nil {
		return nil, errors.Join(err, end.Close(), child.Wait())
	}

	return &bench.Served{
		PID: child.Process.Pid, Address: at.Mail, Maps: at.Maps,
		Stop: func() error { return errors.Join(end.Close(), child.Wait()) },
	}, nil
}

// serveChild is the server that startLMTPChild starts. It ends with its standard input.
func serveChild(cmd *cobra.Command, dir string) error {
	srv, err := lmtp.New(site.FromProfile(dir, site.Builtin()), lmtp.Options{})
	if err != nil {
		return err
	}
	mail, err := lmtp.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}
	maps, err := lmtp.Listen("127.0.0.1:0")
	if err != nil {
		return err
	}

	answers := &lmtp.Maps{Finder: srv.Finder(), Transport: "lmtp:inet:" + mail.Addr().String()}
	go srv.Serve(mail)
	go answers.Serve(maps)
	if err := json.NewEncoder(cmd.OutOrStdout()).Encode(childAddresses{mail.Addr().String(), maps.Addr().String()}); err != nil {
		return err
	}

	_, err = io.Copy(io.Discard, cmd.InOrStdin())
	return errors.Join(err, srv.Shutdown(cmd.Context()), srv.Close())
}
