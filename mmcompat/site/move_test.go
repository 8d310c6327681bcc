package site

import (
	"testing"

	"github.com/mmrunner/mmrunner/pickle"
)

func TestSettingsFollowAMovedInstallation(t *testing.T) {
	set := map[string]string{
		"PREFIX": "/usr/lib/mailman", "VAR_PREFIX": "/var/lib/mailman", "QUEUE_DIR": "/var/spool/mailman/qfiles", "LOG_DIR": "/var/log/mailman",
		"LOCK_DIR": "/var/lock/mailman", "LIST_DATA_DIR": "/var/lib/mailman/lists", "DATA_DIR": "/var/lib/mailman/data",
		"BOUNCEQUEUE_DIR": "/var/spool/mailman/qfiles/bounces", "TEMPLATE_DIR": "/usr/lib/mailman/templates", "BIN_DIR": "/usr/lib/mailman/bin",
		"PIDFILE": "/var/lib/mailman/data/master-qrunner.pid", "SENDMAIL_CMD": "/usr/lib/sendmail", "DEFAULT_URL_HOST": "lists.example.com",
		"OTHER": "/var/lib/mailman2/data",
	}

	p := Builtin()
	p.Settings = map[string]Setting{}
	for name, v := range set {
		p.Settings[name] = Setting{pickle.Str(v)}
	}
	s := (&Site{Profile: p}).At("/tmp/x")
	for name, want := range map[string]string{
		"PREFIX": "/usr/lib/mailman", "VAR_PREFIX": "/tmp/x", "QUEUE_DIR": "/tmp/x/qfiles", "LOG_DIR": "/tmp/x/logs", "LOCK_DIR": "/tmp/x/locks",
		"LIST_DATA_DIR": "/tmp/x/lists", "DATA_DIR": "/tmp/x/data", "BOUNCEQUEUE_DIR": "/tmp/x/qfiles/bounces",
		"TEMPLATE_DIR": "/usr/lib/mailman/templates", "BIN_DIR": "/usr/lib/mailman/bin", "PIDFILE": "/tmp/x/data/master-qrunner.pid",
		"SENDMAIL_CMD": "/usr/lib/sendmail", "DEFAULT_URL_HOST": "lists.example.com", "OTHER": "/var/lib/mailman2/data",
	} {
		if had := s.Str(name); had != want {
			t.Errorf("%s: got %s, need %s", name, had, want)
		}
	}
}
