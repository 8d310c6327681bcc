package outgoing_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
)

// server is a mail server that keeps what it is given. What it says to a command is
// up to answer; "" is the usual reply, "hang" none at all, "close" the end of the
// connection.
type server struct {
	t      testing.TB
	ln     net.Listener
	offers []string         // what EHLO is answered with
	cert   *tls.Certificate // of a server that has STARTTLS

	mu       sync.Mutex
	answer   func(command string) string
	end      func(text string) string // the same for the end of a message
	got      []string
	sessions int
	quits    int
	batched  int // commands that came together with the one before
	hung     chan struct{}
}

func newServer(t testing.TB) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	s := &server{t: t, ln: ln, hung: make(chan struct{})}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()

	t.Cleanup(func() {
		ln.Close()
		close(s.hung)
	})

	return s
}

// answers has the server answer commands and ends of messages so; nil is the usual. A client that looks for an earlier
// server on this port may be connected already.
func (s *server) answers(answer, end func(string) string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer, s.end = answer, end
}

func (s *server) port() int { return s.ln.Addr().(*net.TCPAddr).Port }

// settings are mm_cfg.py's lines that lead to the server.
func (s *server) settings() string {
	return fmt.Sprintf("SMTPHOST = '127.0.0.1'\nSMTPPORT = %d\n", s.port())
}

// usual refuses what the scenes name so.
func usual(command string) string {
	switch verb := strings.ToUpper(command); {
	case strings.HasPrefix(verb, "MAIL") && strings.Contains(command, "nosender"):
		return "553 5.7.1 not from you"
	case !strings.HasPrefix(verb, "RCPT"):
		return ""
	case strings.Contains(command, "refused"):
		return "550 5.1.1 no such user"
	case strings.Contains(command, "later"):
		return "450 4.2.0 not now"
	case strings.Contains(command, "full"):
		return "552 5.2.2 full"
	case strings.Contains(command, "odd"):
		return "what"
	}

	return ""
}

// usualEnd rejects and defers messages that ask for it.
func usualEnd(text string) string {
	switch {
	case strings.Contains(text, "REJECT"):
		return "554-5.6.0 I do\r\n554 not like it"
	case strings.Contains(text, "DEFER"):
		return "451 4.3.0 later"
	}
	return ""
}

func (s *server) reply(command string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answer == nil {
		return usual(command)
	}
	return s.answer(command)
}

func (s *server) replyToEnd(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end == nil {
		return usualEnd(text)
	}
	return s.end(text)
}

func (s *server) serve(conn net.Conn) {
	defer conn.Close()
	s.mu.Lock()
	s.sessions++
	s.mu.Unlock()
	in := bufio.NewReader(conn)

	// say tells whether the dialogue goes on.
	say := func(answer, usually string) bool {
		switch answer {
		case "":
			answer = usually
		case "hang":
			<-s.hung
			return false
		case "close":
			halfClose(conn)
			return false
		}

		_, err := conn.Write([]byte(answer + "\r\n"))
		return err == nil
	}

	if !say(s.reply("CONNECT"), "220 test") {
		return
	}
	var envelope []string
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}

		command := strings.TrimRight(line, "\r\n")
		verb, _, _ := strings.Cut(strings.ToUpper(command), " ")
		if in.Buffered() > 0 {
			s.mu.Lock()
			s.batched++
			s.mu.Unlock()
		}

		answer := s.reply(command)
		switch verb {
		case "EHLO":
			lines := append([]string{"test"}, s.offers...)
			for i, l := range lines {
				sep := "-"
				if i == len(lines)-1 {
					sep = " "
				}
				lines[i] = "250" + sep + l
			}

			if !say(answer, strings.Join(lines, "\r\n")) {
				return
			}
			continue
		case "STARTTLS":
			if s.cert == nil {
				break
			}
			if !say("", "220 go on") {
				return
			}

			conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*s.cert}, MinVersion: tls.VersionTLS12})
			in = bufio.NewReader(conn)
			continue
		case "MAIL":
			envelope = []string{command}
		case "RCPT":
			if answer == "" {
				envelope = append(envelope, command)
			}
		case "QUIT":
			s.mu.Lock()
			s.quits++
			s.mu.Unlock()
			say("", "221 bye")
			return
		case "DATA":
			if answer != "" {
				break
			}
			if len(envelope) < 2 {
				answer = "554 no recipients"
				break
			}
			if !say("", "354 go on") {
				return
			}
			if !s.message(in, envelope, say) {
				return
			}

			envelope = nil
			continue
		}

		if !say(answer, "250 ok") {
			return
		}
	}
}

// halfClose ends what the server says, and waits for the client's end. To close at once
// could reset the connection, and which of the two the client sees would be chance.
func halfClose(conn net.Conn) {
	if c, ok := conn.(*net.TCPConn); ok && c.CloseWrite() == nil {
		_, _ = io.Copy(io.Discard, c) // until the client has gone
	}
}

// message reads a message and keeps it.
func (s *server) message(in *bufio.Reader, envelope []string, say func(string, string) bool) bool {
	var text strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}

		text.WriteString(line)
		if s.reply("LINE "+line) == "close" {
			return say("close", "")
		}
	}

	answer := s.replyToEnd(text.String())
	if answer == "" {
		s.mu.Lock()
		slices.Sort(envelope[1:])
		s.got = append(s.got, strings.Join(envelope, "\n")+"\n\n"+text.String())
		s.mu.Unlock()
	}

	return say(answer, "250 ok")
}

// take returns what the server was given since the last call.
func (s *server) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	return got
}
