package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner/lmtp"
	"github.com/mmrunner/mmrunner/runner/metrics"
	"github.com/mmrunner/mmrunner/runner/qrunner"
	"github.com/mmrunner/mmrunner/runner/service"
)

// takeMail takes mail until SIGTERM or SIGINT, whose number it returns; SIGHUP opens the logs anew. A program that was
// replaced on the disk takes over with the sockets; where it cannot be executed, the number is SIGINT's, so that
// mailmanctl starts it anew.
func takeMail(ctx context.Context, s *site.Site, o lmtpOptions) (sig syscall.Signal, err error) {
	logs := mlog.Open(s.LogDir())
	defer logs.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	watch := service.NewReplacement(stop, func(line string) { logs.Printf("qrunner", "%s", line) })
	go watch.Run(ctx)

	var last atomic.Int32 // the signal that ended it
	caught := make(chan os.Signal, 4)
	signal.Notify(caught, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		for sig := range caught {
			if sig == syscall.SIGHUP {
				logs.Reopen()
				watch.Look()
				continue
			}
			last.Store(int32(sig.(syscall.Signal)))
			stop()
		}
	}()

	svc := mailService(ctx, s, o, logs)
	svc.Keep = watch.Replaced
	err = svc.Run(ctx)
	signal.Stop(caught)
	close(caught)

	if watch.Replaced() && last.Load() == 0 {
		if err != nil {
			service.Complain(s, err) // it does not keep the new program from its work
		}
		return syscall.SIGINT, errors.Join(svc.PassOn(), watch.Exec())
	}

	return syscall.Signal(last.Load()), err
}

// mailService makes the service of a process, which counts for Prometheus where it was asked to.
func mailService(ctx context.Context, s *site.Site, o lmtpOptions, logs *mlog.Set) *lmtp.Service {
	o.limits.Log = logs
	return &lmtp.Service{
		Site: s, Listen: o.listen, Maps: o.maps, Options: o.limits, Inherit: true,
		Started: func(srv *lmtp.Server) {
			logs.Printf("qrunner", "mmrunner takes mail on %v", srv.Counts().Addresses)
			if o.metrics == "" {
				return
			}

			m := metrics.New(map[string]string{"in": s.QueueDir("in"), "bounces": s.QueueDir("bounces"), "commands": s.QueueDir("commands")}, version())
			m.Mail(srv)
			if _, err := m.Serve(ctx, o.metrics); err != nil {
				logs.Printf("error", "metrics: %v", err)
			}
		},
	}
}

// mailUnderMailmanctl is mailmanctl's LMTPRunner: the server, with what mm_cfg.py says of it.
func mailUnderMailmanctl(in *installation, o qrunner.Options) (status int) {
	s, err := in.site(site.Options{})
	if err != nil {
		complain(os.Stderr, err)
		return notAgain(o)
	}
	if s.Problem != nil {
		service.Complain(s, s.Problem)
		return notAgain(o)
	}

	syscall.Umask(0o007)
	var options lmtpOptions
	options.fromSettings(s)
	options.metrics = lmtpMetrics(s)
	sig, err := takeMail(context.Background(), s, options)
	if err != nil {
		service.Complain(s, err)
		if sig == 0 {
			return 1
		}
	}

	return int(sig)
}

// lmtpMetrics is the address that MMRUNNER_METRICS_ADDR has for LMTPRunner: one string is for a runner.
func lmtpMetrics(s *site.Site) string {
	v, _ := s.Value("MMRUNNER_METRICS_ADDR")
	d, ok := v.(*pickle.Dict)
	if !ok {
		return ""
	}
	address, _ := d.GetStr(qrunner.LMTP)
	text, _ := address.(pickle.Str)
	return string(text)
}

// besideRunners takes mail in the process of mmrunner run. It returns when mail is taken, or why it cannot be; what it
// returns ends that, or has the program that takes this process over go on with the sockets.
func besideRunners(ctx context.Context, s *site.Site, o lmtpOptions) (end func(takenOver bool) error, err error) {
	logs := mlog.Open(s.LogDir())
	ctx, stop := context.WithCancel(ctx)
	svc := mailService(ctx, s, o, logs)
	var keep atomic.Bool
	svc.Keep = keep.Load
	started, ended := make(chan struct{}), make(chan error, 1)
	then := svc.Started
	svc.Started = func(srv *lmtp.Server) {
		then(srv)
		close(started)
	}

	go func() { ended <- svc.Run(ctx) }()
	select {
	case err := <-ended:
		stop()
		return nil, errors.Join(err, logs.Close())
	case <-started:
	}

	return func(takenOver bool) error {
		keep.Store(takenOver)
		stop()
		err := errors.Join(<-ended, logs.Close())
		if takenOver {
			err = errors.Join(err, svc.PassOn())
		}
		return err
	}, nil
}
