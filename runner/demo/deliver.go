package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/runner/lmtp"
)

// senders is how many connections bring mail at once, as those of a mail server do.
const senders = 8

// Deliver gives mail to an LMTP server for the site, which it starts on a free port of
// this machine, and returns how long that took. Each message is in its queue, flushed,
// when it returns. progress is called with how many are; it may be nil. The error is ctx's, or
// for a message that was not taken.
func Deliver(ctx context.Context, s *site.Site, mails []Mail, progress func(done, total int)) (took time.Duration, err error) {
	srv, err := lmtp.New(s, lmtp.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, srv.Close()) }()
	l, err := lmtp.Listen("127.0.0.1:0")
	if err != nil {
		return 0, err
	}

	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	began := time.Now()
	err = sendAll(ctx, l.Addr().String(), mails, progress)
	took = time.Since(began)
	return took, errors.Join(err, srv.Shutdown(context.WithoutCancel(ctx)), <-served)
}

// sendAll sends mail on some connections, until one fails.
func sendAll(ctx context.Context, address string, mails []Mail, progress func(done, total int)) error {
	// Several connections, as a mail server has them; each takes the next mail.
	var next, done atomic.Int64
	var mu sync.Mutex
	errs := make([]error, senders)
	var wg sync.WaitGroup

	for n := range senders {
		wg.Go(func() {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				errs[n] = err
				return
			}
			client := smtp.NewClientLMTP(conn)
			defer client.Close()

			for {
				i := int(next.Add(1)) - 1
				if i >= len(mails) {
					return
				}

				// The first error ends all of them.
				if errs[n] = errors.Join(context.Cause(ctx), sendOne(client, mails[i])); errs[n] != nil {
					next.Store(int64(len(mails)))
					return
				}

				if sent := int(done.Add(1)); progress != nil {
					mu.Lock()
					progress(sent, len(mails))
					mu.Unlock()
				}
			}
		})
	}

	wg.Wait()
	return errors.Join(errs...)
}

// sendOne sends one message with the null sender, as bounces have it.
func sendOne(client *smtp.Client, m Mail) error {
	if err := client.Mail("", nil); err != nil {
		return err
	}
	if err := client.Rcpt(m.Recipient, nil); err != nil {
		return fmt.Errorf("%s: %w", m.Recipient, err)
	}

	w, err := client.Data()
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, m.Text)
	if err := errors.Join(err, w.Close()); err != nil {
		return fmt.Errorf("%s: %w", m.Recipient, err)
	}

	return nil
}
