package smtplib

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"
)

// answer is what the server says to a line that begins so. With "close" at the end it
// ends the connection too.
type answer struct{ to, say string }

// script is the server's part of a dialogue: the first answer that fits counts, and a
// usual one where none does.
type script struct {
	offers  []string // after EHLO
	secured []string // after EHLO within TLS
	answers []answer
}

// scripted is a server for one connection that follows a script, and keeps what it
// is told.
type scripted struct {
	script
	ln    net.Listener
	cert  *tls.Certificate
	ended chan struct{}
	told  strings.Builder
}

// serve starts a server for one connection.
func serve(t *testing.T, s script, cert *tls.Certificate) *scripted {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	server := &scripted{script: s, ln: ln, cert: cert, ended: make(chan struct{})}
	go server.run()
	t.Cleanup(func() { ln.Close() })
	return server
}

func (s *scripted) port() int { return s.ln.Addr().(*net.TCPAddr).Port }

// transcript is all that the server was told, once its connection has ended.
func (s *scripted) transcript(t *testing.T) string {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		t.Fatalf("the connection was not ended in 20 s; the server was told:\n%s", s.told.String())
	}
	return s.told.String()
}

func (s *scripted) run() {
	defer close(s.ended)
	conn, err := s.ln.Accept()
	if err != nil {
		return
	}
	defer func() { conn.Close() }()
	in := bufio.NewReader(conn)
	offers, data := s.offers, false

	if !say(conn, s.answer("CONNECT", "220 here\r\n")) {
		return
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}

		s.told.WriteString(line)
		verb := strings.ToUpper(strings.TrimRight(line, "\r\n"))
		usual := "250 ok\r\n"

		switch {
		case data && verb != ".":
			if s.answer("LINE "+line, "") == "close" {
				return
			}
			continue
		case data:
			data = false
		case strings.HasPrefix(verb, "EHLO"):
			usual = extensions(offers)
		case verb == "DATA":
			usual = "354 go on\r\n"
			data = s.answer(line, usual) == usual
		case verb == "STARTTLS":
			usual = "220 go on\r\n"
		case verb == "QUIT":
			usual = "221 bye\r\n"
		}

		text := s.answer(line, usual)
		if !say(conn, text) {
			return
		}

		if verb == "STARTTLS" && text == usual {
			conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*s.cert}, MinVersion: tls.VersionTLS12})
			in, offers = bufio.NewReader(conn), s.secured
			s.told.WriteString("(TLS)\n")
		}
	}
}

// answer is what the script has for a line, or the usual.
func (s *scripted) answer(line, usual string) string {
	for _, a := range s.answers {
		if strings.HasPrefix(line, a.to) {
			return a.say
		}
	}
	return usual
}

// say tells whether the dialogue goes on.
func say(conn net.Conn, text string) bool {
	text, ends := strings.CutSuffix(text, "close")
	_, err := conn.Write([]byte(text))
	return err == nil && !ends
}

// extensions is the reply to EHLO of a server that has those.
func extensions(offers []string) string {
	lines := append([]string{"test.example.com"}, offers...)
	for i := range lines[:len(lines)-1] {
		lines[i] = "250-" + lines[i]
	}
	lines[len(lines)-1] = "250 " + lines[len(lines)-1]
	return strings.Join(lines, "\r\n") + "\r\n"
}

// selfSigned is a certificate that no authority has signed.
func selfSigned(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	about := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"elsewhere.example.com"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}

	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
