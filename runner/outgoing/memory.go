package outgoing

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/hostlock"
	"github.com/mmrunner/mmrunner/mmcompat/mlog"
	"github.com/mmrunner/mmrunner/mmcompat/qfile"
	"github.com/mmrunner/mmrunner/mmcompat/smtplib"
)

// memory is which recipients of which entries the mail server has decided about: a
// file of this process in DATA_DIR, one JSON object a line, flushed before the next
// transaction begins. An entry stays in its queue until its batch is committed, so
// delivering it after a crash leaves these recipients out.
//
// A process takes over the lines of those that died, which is told by their files'
// locks. It may be used by many goroutines.
type memory struct {
	dir   string
	queue string // where the entries are

	mu      sync.Mutex
	path    string
	lock    *hostlock.Lock
	file    *disk.File
	entries map[string][]settled
}

// place tells a transaction from the others of its entry.
type place struct {
	Entry  string `json:"entry"`
	Number int    `json:"number"` // from 0; the last comes first
	Of     int    `json:"of"`
}

// settled is one transaction.
type settled struct {
	place
	Recipients []string             `json:"to"`
	Refused    map[string]refusedBy `json:"refused,omitempty"`
	Logs       []mlog.Line          `json:"logs,omitempty"`
}

// refusedBy is the reply that a recipient was refused with.
type refusedBy struct {
	Code int    `json:"code"`
	Text string `json:"text"`
}

const memoryPrefix, memorySuffix = "mmrunner-delivered-", ".jsonl"

// open takes over what processes that died have left, and forgets entries that are
// gone. The error is the file system's.
func (m *memory) open() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.make(); err != nil {
		return err
	}

	files, err := m.files()
	if err != nil {
		return err
	}

	for _, path := range files {
		if err := m.takeOver(path); err != nil {
			return err
		}
	}

	for base := range m.entries {
		if !m.waits(base) {
			delete(m.entries, base)
		}
	}

	if len(m.entries) == 0 {
		return m.file.Truncate(0)
	}

	return nil
}

// files are those of all processes.
func (m *memory) files() (paths []string, err error) {
	names, err := disk.ReadDir(m.dir)
	for _, e := range names {
		if strings.HasPrefix(e.Name(), memoryPrefix) && strings.HasSuffix(e.Name(), memorySuffix) {
			paths = append(paths, filepath.Join(m.dir, e.Name()))
		}
	}
	return paths, err
}

// make makes this process's file.
func (m *memory) make() error {
	if m.file != nil {
		return nil
	}
	m.entries = map[string][]settled{}
	host, err := os.Hostname()
	if err != nil {
		return err
	}

	for n := 0; ; n++ {
		path := filepath.Join(m.dir, fmt.Sprintf("%s%s-%d-%d%s", memoryPrefix, host, os.Getpid(), n, memorySuffix))
		if _, err := disk.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			continue // by one who had our process id, or an engine beside this one
		}

		lock, err := hostlock.Try(path, false)
		if err != nil {
			return err
		}
		if lock == nil {
			continue
		}
		if m.file, err = disk.OpenFile(path, os.O_WRONLY|os.O_APPEND|syscall.O_NOFOLLOW, 0); err != nil {
			return errors.Join(err, lock.Close())
		}

		m.path, m.lock = path, lock
		return nil
	}
}

// takeOver takes over the file of a process that died, and removes it. One that lives
// keeps its own.
func (m *memory) takeOver(path string) error {
	if path == m.path {
		return nil
	}
	lock, err := hostlock.Try(path, false)
	if err != nil || lock == nil {
		return err
	}
	defer lock.Close()
	f, err := disk.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 64<<20)

	for lines.Scan() {
		var s settled
		// The last line may be torn: what it was about was in flight.
		if json.Unmarshal(lines.Bytes(), &s) != nil || !m.waits(s.Entry) {
			continue
		}
		if err := m.note(s); err != nil {
			return err
		}
	}

	if err := lines.Err(); err != nil {
		return err
	}

	return disk.Remove(path)
}

// waits tells whether an entry is still in the queue, or at hand.
func (m *memory) waits(base string) bool {
	for _, ext := range []string{qfile.Waiting, qfile.Claimed} {
		if _, err := disk.Lstat(filepath.Join(m.queue, filepath.Base(base)+ext)); !errors.Is(err, fs.ErrNotExist) {
			return true
		}
	}
	return false
}

// note writes a line down, flushed.
func (m *memory) note(s settled) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}

	m.entries[s.Entry] = append(m.entries[s.Entry], s)
	if _, err := m.file.Write(append(b, '\n')); err != nil {
		return err
	}
	return m.file.Sync()
}

// has tells whether anything of an entry is decided.
func (m *memory) has(base string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries[base]) > 0
}

// settle notes that a transaction is over.
func (m *memory) settle(at place, recips []string, refused *smtplib.Refused, logs []mlog.Line) error {
	s := settled{place: at, Recipients: recips, Logs: slices.Clone(logs)}
	for _, recip := range refused.Recipients() {
		if s.Refused == nil {
			s.Refused = map[string]refusedBy{}
		}
		r := refused.Reply(recip)
		s.Refused[recip] = refusedBy{r.Code, r.Text}
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	return m.note(s)
}

// left are those of a transaction's recipients that the server has not decided
// about. Whom it has refused before is added to refused, and what was logged is
// returned.
func (m *memory) left(at place, recips []string, refused *smtplib.Refused) (left []string, logs []mlog.Line) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.entries[at.Entry]) == 0 {
		return recips, nil
	}

	left = slices.Clone(recips)
	for _, s := range m.entries[at.Entry] {
		// An address may be there twice. Where the site's settings have changed since, only addresses tell.
		if s.Of == at.Of && s.Number != at.Number {
			continue
		}
		before, some := &smtplib.Refused{}, false
		for _, recip := range s.Recipients {
			i := slices.Index(left, recip)
			if i < 0 {
				continue
			}

			left, some = slices.Delete(left, i, i+1), true
			if r, ok := s.Refused[recip]; ok {
				before.Set(recip, smtplib.Reply{Code: r.Code, Text: r.Text})
			}
		}

		refused.Update(before)
		if some {
			logs = append(logs, s.Logs...)
		}
	}

	return left, logs
}

// close removes this process's file, and those of processes that died, if all that
// they tell of is done.
func (m *memory) close() error {
	files, err := m.files()
	if m.file == nil && len(files) == 0 {
		return err
	}

	err = m.open()
	if m.file == nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()

	if err == nil && len(m.entries) == 0 {
		err = disk.Remove(m.path)
	}

	err = errors.Join(err, m.file.Close(), m.lock.Close())
	m.file = nil
	return err
}
