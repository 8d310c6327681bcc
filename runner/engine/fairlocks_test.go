package engine

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/maillist"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// A process that waited when a lock was given back has it next; one that does not
// come for it in two of its polls is given up.
func TestLockIsLeftToWaiters(t *testing.T) {
	s := newSite(t, "a")
	env := txn.NewEnv(s)
	defer env.Log.Close()
	c := NewFairLocks(env, 1)
	path := maillist.LockPath(s, "a")
	claim := fmt.Sprintf("%s.%s.%d.0", path, env.Host(), os.Getppid())
	turn := func() time.Time {
		l, err := env.Lock(context.Background(), "a", time.Second)
		if err != nil {
			t.Fatal(err)
		}

		if err := os.WriteFile(claim, []byte(claim), 0o660); err != nil {
			t.Fatal(err)
		}

		in15s := time.Now().Add(15 * time.Second)
		if err := os.Chtimes(claim, in15s, in15s); err != nil {
			t.Fatal(err)
		}

		if err := l.Unlock(true); err != nil {
			t.Fatal(err)
		}

		return time.Now()
	}

	now := turn()
	if had := c.Ready("a", now); had != now.Add(lookEvery) {
		t.Errorf("beside a waiter: got %v from now, need another look in %v", had.Sub(now), lookEvery)
	}

	if had := c.Ready("b", now); had != now {
		t.Errorf("another list: got %v from now, need now", had.Sub(now))
	}

	// While a third process has it the waiter is not late.
	if err := os.Link(claim, path); err != nil {
		t.Fatal(err)
	}

	other := fmt.Sprintf("%s.%s.%d.1", path, env.Host(), os.Getppid())
	if err := os.WriteFile(path, []byte(other), 0o660); err != nil {
		t.Fatal(err)
	}

	late := now.Add(time.Minute)
	if had := c.Ready("a", late); had != late.Add(lookEvery) {
		t.Errorf("while another has the lock: got %v from then, need another look in %v", had.Sub(late), lookEvery)
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}

	if had := c.Ready("a", late.Add(giveUpAfter+1)); had != late.Add(giveUpAfter+1) {
		t.Errorf("a waiter that does not come: got %v from then, need then", had.Sub(late.Add(giveUpAfter+1)))
	}

	now = turn()
	if had := c.Ready("a", now); had == now {
		t.Error("the next waiter was not seen")
	}

	if err := os.Remove(claim); err != nil {
		t.Fatal(err)
	}

	if had := c.Ready("a", now); had != now {
		t.Errorf("after the waiter: got %v from now, need now", had.Sub(now))
	}
}

// A lock is free for as long as it was held, and longer for a lower share.
func TestLockIsFreeForItsShare(t *testing.T) {
	s := newSite(t, "a")
	env := txn.NewEnv(s)
	defer env.Log.Close()
	c := NewFairLocks(env, 0.25)
	l, err := env.Lock(context.Background(), "a", time.Second)
	if err != nil {
		t.Fatal(err)
	}

	had := time.Now()
	time.Sleep(10 * time.Millisecond)
	held := time.Since(had)
	before := time.Now()

	if err := l.Unlock(true); err != nil {
		t.Fatal(err)
	}

	if wait := c.Ready("a", before).Sub(before); wait < 3*held {
		t.Errorf("got a wait of %v, need at least %v after %v with a share of a quarter", wait, 3*held, held)
	}

	later := before.Add(time.Hour)
	if had := c.Ready("a", later); had != later {
		t.Errorf("an hour later: got a wait of %v, need none", had.Sub(later))
	}
}
