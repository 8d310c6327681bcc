package engine

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/site"
	"github.com/mmrunner/mmrunner/pickle"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// fragile is a lock that another process breaks when it is checked for the nth time.
type fragile struct {
	txn.Lock
	asked *int
	at    int
	broke func()
}

func (l fragile) Renew() (bool, error) {
	if *l.asked++; *l.asked == l.at {
		l.broke()
	}
	return l.Lock.Renew()
}

// A lock that is broken under us, by a process that then saves the list, is noticed
// before anything is renamed, and the batch is worked out again from what was saved
// then.
func TestBrokenLockIsNoticedBeforeARename(t *testing.T) {
	{
		const at = 1
		s := site.FromProfile(t.TempDir(), site.Builtin())
		for _, dir := range []string{s.LockDir(), s.LogDir(), s.DataDir(), s.QueueDir("bounces"), maillist.ListPath(s, "test")} {
			if err := os.MkdirAll(dir, 0o770); err != nil {
				t.Fatal(err)
			}
		}

		d := pickle.NewDict()
		d.SetStr("data_version", pickle.Int(s.Profile.DataFileVersion))
		d.SetStr("preferred_language", pickle.Str("en"))
		d.SetStr("count", pickle.Int(0))
		b, err := pickle.Dump(d, 1)
		if err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(filepath.Join(maillist.ListPath(s, "test"), "config.pck"), b, 0o660); err != nil {
			t.Fatal(err)
		}

		env := txn.NewEnv(s)
		defer env.Log.Close()
		asked := 0
		env.Lock = func(ctx context.Context, name string, wait time.Duration) (txn.Lock, error) {
			l, err := env.LockFile(ctx, name, wait)
			return fragile{l, &asked, at, func() {
				if err := os.Remove(maillist.LockPath(s, "test")); err != nil {
					t.Error(err)
				}

				l, err := maillist.Open(s, "test", maillist.Options{Held: true})
				if err != nil {
					t.Error(err)
					return
				}
				l.Set("count", pickle.Int(100))
				files, err := l.Stage()
				if err == nil {
					err = files[0].Publish(nil)
				}

				if err != nil {
					t.Error(err)
				}
			}}, err
		}

		e, err := New(env, &meddler{}, 0, 1)
		if err != nil {
			t.Fatal(err)
		}

		data := qfile.NewData()
		data.Set("listname", pickle.Str("test"))
		data.Set("_parsemsg", pickle.Int(1))

		if _, err := e.Queue.Enqueue(pickle.Str("From: a@example.com\n\nbody\n"), data); err != nil {
			t.Fatal(err)
		}

		stats, err := e.Drain(context.Background())
		if err != nil || stats.Outcomes[runner.Applied] != 1 {
			t.Errorf("broken when asked %d: got %+v, %v, need 1 entry applied", at, stats, err)
		}

		l, err := maillist.Open(s, "test", maillist.Options{})
		if err != nil {
			t.Fatal(err)
		}

		if count := l.Int("count"); count != 101 {
			t.Errorf("broken when asked %d: got count %d, need 101", at, count)
		}

		if asked <= at {
			t.Errorf("the lock was asked for %d times only", asked)
		}

		if err := e.Close(); err != nil {
			t.Error(err)
		}

		if left, _ := filepath.Glob(filepath.Join(s.DataDir(), "*.json*")); len(left) != 0 {
			t.Errorf("got %v left", left)
		}
	}
}
