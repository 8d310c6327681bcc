package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/runner"
	"github.com/mmrunner/mmrunner/runner/txn"
)

// takeOver takes over what dead runners in Python have left, see runner.Successor. Of all engines that share a queue, that
// of slice 0 does so.
func (e *Engine) takeOver() error {
	h, ok := e.Handler.(runner.Successor)
	if !ok || e.slice != 0 {
		return nil
	}

	dir := e.Env.Site.DataDir()
	names, err := disk.ReadDir(dir)
	if err != nil {
		return err
	}

	// Only files whose process is gone: a live runner will register its own bounces.
	for _, entry := range names {
		pid, ok := h.OwnerOf(entry.Name())
		file := filepath.Join(dir, entry.Name())
		if !ok || !e.orphaned(h, file, pid) {
			continue
		}

		// The file goes in the same transaction in which its bounces are registered: each counts once.
		err := e.withoutList(context.Background(), nil, "", func(tx *txn.Tx) error {
			f, err := readWorkFile(file)
			if err != nil {
				return err
			}
			if err := h.TakeOver(tx, f); err != nil {
				return err
			}
			tx.Remove(file)
			tx.Printf("qrunner", "mmrunner: took over %s of a runner that died", file)
			return nil
		})
		if err != nil && !errors.Is(err, txn.ErrUnfinished) {
			e.logError("%s: %s stays: %v", e.Handler.Name(), file, fmt.Errorf("taking it over: %w", err))
		}
	}

	return nil
}

// readWorkFile reads a file that a runner in Python has left.
func readWorkFile(path string) (f runner.WorkFile, err error) {
	info, err := disk.Stat(path)
	if err != nil {
		return f, err
	}

	f = runner.WorkFile{Path: path, Modified: info.ModTime()}
	f.Content, err = disk.ReadFile(path)
	return f, err
}

// orphaned tells whether the process of a file has ended.
func (e *Engine) orphaned(h runner.Successor, file string, pid int) bool {
	info, err := disk.Stat(file)
	if err != nil || !ended(pid, info) {
		return false
	}

	// The process may be another host's.
	return !disk.OnNetwork(file) || time.Since(changed(info)) > 2*h.Every(e.Env.Site)+lastHold
}
