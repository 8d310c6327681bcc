package lmtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/mmrunner/mmrunner/mmcompat/site"
)

// None in the place of an address is for none at all.
const None = "none"

// Service is a server with its addresses, as one process or a part of one.
type Service struct {
	Site    *site.Site
	Listen  []string // addresses for mail, see Listen; none means UsualAddress
	Maps    []string // addresses for the socketmap; none means UsualSocketmap
	Options Options
	// Inherit takes the sockets that systemd or the program before passes on, in the
	// place of those above.
	Inherit bool
	// Started is called once the server takes mail; may be nil.
	Started func(*Server)

	// Keep is asked at the end whether the sockets are to stay open, for PassOn; may be
	// nil.
	Keep func() bool

	kept keptSockets
}

// stopTime is for how long messages at hand may go on when the service stops.
const stopTime = 30 * time.Second

// saveEvery is how often what has been done is written down for mmrunner status.
const saveEvery = 5 * time.Second

// Run takes mail until ctx ends, and finishes the messages at hand. The error is
// why it could not begin, or why it had to end.
func (s *Service) Run(ctx context.Context) (err error) {
	// Claim the site's mail, and open the addresses.
	srv, err := New(s.Site, s.Options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.Close()) }()
	mail, maps, own, err := s.listeners()
	if err != nil {
		return err
	}

	// Serve on each.
	failed := make(chan error, len(mail)+len(maps))
	for _, l := range mail {
		srv.add(l)
		go func() { failed <- srv.serve(l) }()
	}
	answers := &Maps{Finder: srv.finder, Transport: transport(mail), Complain: srv.complain}
	for _, l := range maps {
		go func() { failed <- answers.Serve(l) }()
	}

	if s.Started != nil {
		s.Started(srv)
	}

	// Without systemd this does nothing.
	_, _ = daemon.SdNotify(false, daemon.SdNotifyReady)

	// Until ctx ends or a listener fails.
	srv.save()
	saved := time.NewTicker(saveEvery)
	defer saved.Stop()

	for running := true; running; {
		select {
		case <-ctx.Done():
			running = false
		case err = <-failed:
			running = false
		case <-saved.C:
			srv.save()
		}
	}

	// systemd would end a service that says that it stops, so one that goes on as another program does not.
	if s.Keep != nil && s.Keep() {
		err = errors.Join(err, s.keepSockets(mail, maps, own))
	} else {
		_, _ = daemon.SdNotify(false, daemon.SdNotifyStopping)
	}

	// Finish the messages at hand.
	for _, l := range maps {
		l.Close()
	}
	answers.Close()
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	stopped := srv.Shutdown(late)
	srv.save()

	if errors.Is(stopped, context.DeadlineExceeded) {
		stopped = fmt.Errorf("connections were closed that had not ended %v after the service was to stop", stopTime)
	}

	return errors.Join(err, stopped)
}

// listeners returns the sockets that were passed on, by the program before or by
// systemd, or else opens the service's own addresses. own tells that the sockets are
// mmrunner's own.
func (s *Service) listeners() (mail, maps []net.Listener, own bool, err error) {
	if s.Inherit {
		if mail, maps, own, err = passedOn(); err != nil || len(mail) > 0 {
			return mail, maps, own, err
		}
		if mail, maps, err = inherited(); err != nil || len(mail) > 0 {
			return mail, maps, false, err
		}
	}

	open := func(addresses []string, usual string) (all []net.Listener, err error) {
		if len(addresses) == 0 {
			addresses = []string{usual}
		}

		for _, a := range addresses {
			if a == None {
				continue
			}
			l, err := Listen(a)
			if err != nil {
				return all, err
			}

			all = append(all, l)
		}

		return all, nil
	}

	if mail, err = open(s.Listen, UsualAddress); err == nil {
		maps, err = open(s.Maps, UsualSocketmap)
	}

	if err != nil {
		for _, l := range append(mail, maps...) {
			l.Close()
		}
	}

	return mail, maps, true, err
}

// transport is the first listener in the words of Postfix's transport(5).
func transport(mail []net.Listener) string {
	if len(mail) == 0 {
		return ""
	}
	a := mail[0].Addr()
	if a.Network() == "unix" {
		return "lmtp:unix:" + a.String()
	}
	return "lmtp:inet:" + a.String()
}
