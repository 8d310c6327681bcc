package bench

import (
	"io"
	"os"
	"slices"
	"time"
)

// copies are how many copies are timed.
const copies = 5

// copyTimes measures how long it takes to copy a file and flush the copy.
func copyTimes(file string) ([]time.Duration, error) {
	var times []time.Duration
	for range copies {
		start := time.Now()
		if err := copyFile(file); err != nil {
			return nil, err
		}
		times = append(times, time.Since(start))
	}

	return times, nil
}

func copyFile(file string) (err error) {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	to := file + ".copy"
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer os.Remove(to)
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}

	return out.Sync()
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}
