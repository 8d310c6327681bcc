package runner

// recover puts in order what processes that died have left of this engine's
// work: entries that were at hand go back into the queue
// (Switchboard.recover_backup_files).
func (e *Engine) recover() error {
	_, err := e.Queue.Recover(nil)
	return err
}
