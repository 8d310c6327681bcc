package enqueue

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/mmrunner/mmrunner/mmcompat/disk"
	"github.com/mmrunner/mmrunner/mmcompat/intake"
)

// A segment is a file of a fixed size that is written over again and again:
//
//	header   magic, generation, mark, checksum
//	records  generation, length, checksum, body
//
// A record whose generation is not the header's is left from an earlier use of the
// segment; each use has a generation of its own, which begins with the time of start.
// Numbers are little-endian, checksums CRC-32C of all that stands before them in the
// header or the record, and of the body.
const (
	segmentMagic  = "mmrunner redo 1\n"
	headerSize    = len(segmentMagic) + 8 + 1 + 4
	recordHead    = 8 + 4 + 4
	firstRecord   = 4096 // the header has a block of its own, since it is written by itself
	segmentSize   = 4 << 20
	largestRecord = segmentSize / 4
)

var (
	castagnoli  = crc32.MakeTable(crc32.Castagnoli)
	order       = binary.LittleEndian
	errNoHeader = errors.New("no header of a redo log")
)

// item is an entry with the temporary name of its file.
type item struct {
	entry intake.Entry
	tmp   string
}

// flushesAtOnce is how many flushes of a segment run beside each other, as disks take
// some at once.
const flushesAtOnce = 2

// segment is one of the log's files, open for writing.
type segment struct {
	f          *disk.File
	generation uint64
	flushers   [flushesAtOnce]flusher
	turn       atomic.Uint32 // of the flushers

	// Each flusher has a descriptor of its own: the kernel tells of a write that failed
	// once for each.
	opened []*disk.File

	// The log's mutex is for these.
	end          int64  // where the next record goes
	writing      int    // records that are not flushed yet
	acknowledged []item // entries that have no names yet
	marked       bool
	doubtful     bool            // the temporary files may not be on the disk though a flush says so
	changed      map[string]bool // directories to be flushed
}

// createSegment opens a segment, and makes it where it is missing. Its blocks are
// written, so that later writes change nothing but them.
func createSegment(path string) (*segment, error) {
	f, err := disk.OpenFile(path, os.O_WRONLY|os.O_CREATE|syscall.O_NOFOLLOW, 0o660)
	if err != nil {
		return nil, err
	}

	s := newSegment(f)
	info, err := f.Stat()
	if err == nil && info.Size() < segmentSize {
		if _, err = f.WriteAt(make([]byte, segmentSize), 0); err == nil {
			err = f.Sync()
		}
	}

	for i := range s.flushers {
		if err != nil {
			break
		}
		var own *disk.File
		if own, err = disk.OpenFile(path, os.O_WRONLY|syscall.O_NOFOLLOW, 0); err == nil {
			s.opened = append(s.opened, own)
			s.flushers[i].sync = failingForGood(own.SyncData)
		}
	}

	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func newSegment(f *disk.File) *segment {
	return &segment{f: f, opened: []*disk.File{f}, end: firstRecord, changed: map[string]bool{}}
}

func (s *segment) close() error {
	var errs []error
	for _, f := range s.opened {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// flush flushes all records that were added before.
func (s *segment) flush() error {
	return s.flushers[s.turn.Add(1)%flushesAtOnce].flush()
}

// begin makes the segment empty. It takes effect with the next flush.
func (s *segment) begin(generation uint64) error {
	s.generation, s.end, s.marked, s.doubtful = generation, firstRecord, false, false
	return s.writeHeader()
}

// mark writes down that all temporary files are flushed.
func (s *segment) mark() error {
	s.marked = true
	if err := s.writeHeader(); err != nil {
		return err
	}
	return s.f.SyncData()
}

func (s *segment) writeHeader() error {
	b := order.AppendUint64([]byte(segmentMagic), s.generation)
	var mark byte
	if s.marked {
		mark = 1
	}
	b = append(b, mark)
	b = order.AppendUint32(b, crc32.Checksum(b, castagnoli))
	_, err := s.f.WriteAt(b, 0)
	return err
}

// recordSize is how many bytes of a segment an entry takes.
func recordSize(e intake.Entry, queue, tmp string) int64 {
	return int64(recordHead + 3 + len(queue) + len(tmp) + len(e.Base) + len(e.Bytes))
}

// add writes a record behind the others.
func (s *segment) add(it item, queue string) error {
	size := recordSize(it.entry, queue, it.tmp)
	b := make([]byte, recordHead, size)
	order.PutUint64(b, s.generation)
	order.PutUint32(b[8:], uint32(size-recordHead))
	for _, name := range []string{queue, it.tmp, it.entry.Base} {
		b = append(append(b, byte(len(name))), name...)
	}
	b = append(b, it.entry.Bytes...)
	order.PutUint32(b[12:], recordSum(b))

	if _, err := s.f.WriteAt(b, s.end); err != nil {
		return err
	}
	s.end += size
	return nil
}

// recordSum is the checksum of a record.
func recordSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:12], castagnoli), castagnoli, b[recordHead:])
}

// record is one that was read.
type record struct {
	queue, tmp, base string
	entry            []byte
}

// readSegment reads a segment's file. The error is errNoHeader, which is also for a
// file that is missing, or the file system's.
func readSegment(path string) (generation uint64, marked bool, records []record, err error) {
	b, err := disk.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = errNoHeader
	}
	if err != nil {
		return 0, false, nil, err
	}

	sum := headerSize - 4
	if len(b) < firstRecord || !bytes.HasPrefix(b, []byte(segmentMagic)) || order.Uint32(b[sum:]) != crc32.Checksum(b[:sum], castagnoli) {
		return 0, false, nil, errNoHeader
	}
	generation, marked = order.Uint64(b[len(segmentMagic):]), b[sum-1] == 1

	for b = b[firstRecord:]; len(b) >= recordHead; {
		size := int64(recordHead) + int64(order.Uint32(b[8:]))
		if order.Uint64(b) != generation || size > int64(len(b)) || order.Uint32(b[12:]) != recordSum(b[:size]) {
			break
		}

		r, err := parseBody(b[recordHead:size])
		if err != nil {
			return generation, marked, records, fmt.Errorf("%s: %w", path, err)
		}
		records = append(records, r)
		b = b[size:]
	}

	return generation, marked, records, nil
}

func parseBody(b []byte) (r record, err error) {
	for _, name := range []*string{&r.queue, &r.tmp, &r.base} {
		if len(b) == 0 || len(b) <= int(b[0]) {
			return r, errors.New("a record is shorter than its names")
		}
		*name, b = string(b[1:1+b[0]]), b[1+b[0]:]
	}

	r.entry = b
	return r, nil
}
