package lockfile_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/lockfile"
)

// A list's lock, as MailList.Lock takes it.
func Example() {
	dir, err := os.MkdirTemp("", "locks")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	l, err := lockfile.New(filepath.Join(dir, "test.lock"), lockfile.Options{Lifetime: 5 * time.Hour})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := l.Lock(context.Background(), 10*time.Second); err != nil {
		fmt.Println(err) // another process has had it all the time
		return
	}

	fmt.Println("the list may be saved now")
	fmt.Println(l.Unlock(false))
	// Output:
	// the list may be saved now
	// <nil>
}
