package events_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/runner/events"
	"github.com/mmrunner/mmrunner/runner/settings"
)

var full = events.Event{At: time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC), List: "l", Kind: events.Bounce, Member: "amy@example.net", Server: "mx.example.net", Status: "5.1.1",
	Class: "hard", Diagnostic: "550 5.1.1 <amy@example.net>... \"User\" unknown\x01", Module: "DSN", Before: 1, After: 2.5, Then: events.Disabled}

func TestLineIsOneJSONObject(t *testing.T) {
	r, err := events.NewRecorder(t.TempDir(), settings.Keep)
	if err != nil {
		t.Fatal(err)
	}

	var had events.Event
	if err := json.Unmarshal(r.Line(full), &had); err != nil {
		t.Fatal(err)
	}

	want := full
	want.Domain = "example.net"
	if diff := cmp.Diff(want, had); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func BenchmarkLine(b *testing.B) {
	r, err := events.NewRecorder(b.TempDir(), settings.Keep)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r.Line(full)
	}
}
