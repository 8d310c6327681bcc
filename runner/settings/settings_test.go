package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mmrunner/mmrunner/runner/settings"
)

func TestWithoutAFileEverythingIsOff(t *testing.T) {
	had, err := settings.Read(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := &settings.Settings{Events: settings.Events{Privacy: settings.Keep}}
	if diff := cmp.Diff(want, had); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestSettingsOfOneList(t *testing.T) {
	dir := t.TempDir()
	text := "beyond-mailman = true\n[guard]\nmembers = 50\n[lists.big.guard]\nmembers = 500\npercent = 12.5\n"
	if err := os.WriteFile(filepath.Join(dir, settings.File), []byte(text), 0o660); err != nil {
		t.Fatal(err)
	}

	s, err := settings.Read(dir)
	if err != nil {
		t.Fatal(err)
	}

	if !s.IgnoreNestedReports {
		t.Error("beyond-mailman did not imply ignore-nested-reports")
	}

	if diff := cmp.Diff(settings.Guard{Members: 500, Percent: 12.5}, s.GuardOf("big")); diff != "" {
		t.Errorf("big: want -, got +:\n%s", diff)
	}

	if diff := cmp.Diff(settings.Guard{Members: 50}, s.GuardOf("small")); diff != "" {
		t.Errorf("small: want -, got +:\n%s", diff)
	}
}

func TestWrongSettingsAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"[guard]\nmembres = 5\n":             "unknown settings: guard.membres",
		"[events]\nprivacy = \"some\"\n":     `events.privacy: got "some", need keep, hash or none`,
		"[lists.a.guard]\npercent = 120.0\n": "lists.a.guard: got members 0 and percent 120",
		"[subscriptions]\nper-domain = -1\n": "subscriptions: a limit is less than 0",
		"beyond-mailman = 1 2\n":             "line 1",
		"beyond-mailman = \"yes\"\n":         "beyond-mailman",
	} {
		if _, err := settings.Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got the error %v, want one that says %s", text, err, want)
		}
	}
}
