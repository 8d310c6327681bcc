package smtplib

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A client whose process is to end waits some seconds more for a server that says
// nothing, not the minutes that RFC 5321 grants it, and has Python's exception of a
// connection that was lost.
func TestWaitEndsWithProcess(t *testing.T) {
	t.Parallel()
	s := serve(t, script{answers: []answer{{"mail", ""}}}, nil)
	ctx, stop := context.WithCancel(t.Context())
	c := New(ctx, Options{Host: "127.0.0.1", Port: s.port(), LocalName: me, Wait: time.Hour, DataWait: time.Hour})
	if err := c.Connect(); err != nil {
		t.Fatal(err)
	}

	time.AfterFunc(200*time.Millisecond, stop)
	_, err := c.SendMail("from@example.com", []string{"to@example.com"}, "text\n")
	var low *Error
	if !errors.As(err, &low) || !low.Disconnected || low.InData {
		t.Errorf("got %v, need a connection that was lost before the message", err)
	}

	if c.Connected() {
		t.Error("got a client that is still connected")
	}
}

// What a server is given of a message tells whether it may have it: before the message
// has begun it has nothing.
func TestLostConnectionTellsOfMessage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		at     string
		inData bool
	}{{"ehlo", false}, {"mail", false}, {"rcpt", false}, {"data", false}, {"LINE", true}, {".\r\n", true}} {
		s := serve(t, script{answers: []answer{{tt.at, "close"}}}, nil)
		c := New(t.Context(), Options{Host: "127.0.0.1", Port: s.port(), LocalName: me})
		if err := c.Connect(); err != nil {
			t.Fatal(err)
		}

		_, err := c.SendMail("from@example.com", []string{"to@example.com"}, "text\n")
		var low *Error
		if !errors.As(err, &low) || !low.Disconnected || low.InData != tt.inData {
			t.Errorf("the end at %q: got %+v, need it lost, and in the message %v", tt.at, err, tt.inData)
		}
	}
}
