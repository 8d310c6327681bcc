package runner

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/runner/batch"
)

// stuck is a lock that cannot be looked at, nor given back, for a while.
type stuck struct {
	batch.Lock
	faults *int
}

var errStuck = errors.New("stuck")

func (l stuck) Held() (bool, error) {
	if *l.faults > 0 {
		*l.faults--
		return false, errStuck
	}
	return l.Lock.Held()
}

func (l stuck) Unlock(unconditionally bool) error {
	if *l.faults > 0 {
		*l.faults--
		return errStuck
	}
	return l.Lock.Unlock(unconditionally)
}

// A lock that could not be given back is, as soon as that can be done: this
// process lives, so nobody else may break it.
func TestLockThatIsStuck(t *testing.T) {
	for faults := 1; faults <= 4; faults++ {
		s := countingSite(t, "")
		e, err := NewEngine(NewEnv(s), &meddler{}, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Env.Log.Close()
		left := 0
		env := e.Env
		env.LockTimeout = 10 * time.Millisecond
		env.Lock = func(ctx context.Context, name string) (batch.Lock, error) {
			plain := *env
			plain.Lock = nil
			l, err := plain.Take(ctx, name)
			if err != nil {
				return nil, err
			}
			left = faults
			return stuck{l, &left}, nil
		}
		turn, _, err := batch.Begin(t.Context(), env, "test")
		if err != nil {
			t.Fatal(err)
		}
		if err := turn.Secure(); err == nil {
			t.Error("it was locked at once")
		}
		turn.Again()
		e.abort(turn)
		for range faults {
			e.retry()
		}
		if _, err := os.Stat(maillist.LockPath(s, "test")); err == nil {
			t.Errorf("%d faults: the lock is left", faults)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}
