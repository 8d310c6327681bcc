package verify

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mmrunner/mmrunner/mmcompat/proc"
	"github.com/mmrunner/mmrunner/mmcompat/py"
	"github.com/mmrunner/mmrunner/pickle"
)

// Options say how to verify.
type Options struct {
	// Lists restricts it to entries and files of these lists; an empty slice means all.
	Lists []string
	// Python compares with cPickle's reading; nil omits that.
	Python *Python
	// Max is how many differences each check of a file reports at most; 0 means DefaultMax.
	Max int
	// Doubts also looks for damage that makes no difference to a reader.
	Doubts bool
	// Progress gets how many bytes of the files are done, of how many; it may be nil. One goroutine calls it at a
	// time.
	Progress func(done, total int)
}

// DefaultMax differences are enough to see the cause.
const DefaultMax = 5

// Report lists the verified files and their differences.
type Report struct {
	Files    int            `json:"files"`
	Pickles  int            `json:"pickles"`
	Bytes    int64          `json:"bytes"`
	Kinds    map[Kind]Count `json:"kinds"`
	Lists    int            `json:"lists"`
	Vanished int            `json:"vanished"` // files that disappeared before they could be read
	// Gopickle and Python are how many files these readers have read too.
	Gopickle int `json:"gopickle_files"`
	Python   int `json:"cpickle_files"`
	// The time that reading and writing took, for all files together; for Python the reading of its files.
	Read       time.Duration `json:"-"`
	Write      time.Duration `json:"-"`
	PythonRead time.Duration `json:"-"`
	Elapsed    time.Duration `json:"-"`
	Findings   []Finding     `json:"findings"`
	// Unread are files that could not be opened, or about which Python could not answer, and why.
	Unread []string `json:"unread"`
}

// MarshalJSON writes times in seconds.
func (r *Report) MarshalJSON() ([]byte, error) {
	type fields Report
	return json.Marshal(struct {
		*fields
		Read       float64 `json:"read_seconds"`
		Write      float64 `json:"write_seconds"`
		PythonRead float64 `json:"cpickle_read_seconds"`
		Elapsed    float64 `json:"elapsed_seconds"`
	}{(*fields)(r), r.Read.Seconds(), r.Write.Seconds(), r.PythonRead.Seconds(), r.Elapsed.Seconds()})
}

// Count is the number of files of a kind, and their size.
type Count struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// OK tells whether nothing was found and everything could be read.
func (r *Report) OK() bool { return len(r.Findings) == 0 && len(r.Unread) == 0 }

// Run verifies files. It stops early, with the error of ctx, when ctx ends.
func Run(ctx context.Context, files []File, o Options) (*Report, error) {
	if o.Max == 0 {
		o.Max = DefaultMax
	}

	// Held messages show only when they are read to which list they belong.
	only := map[string]bool{}
	for _, l := range o.Lists {
		only[py.Lower(l)] = true
	}
	start := time.Now()
	r := &Report{Kinds: map[Kind]Count{}, Findings: []Finding{}, Unread: []string{}}
	lists := map[string]bool{}
	found := make([][]Finding, len(files))
	var mu sync.Mutex
	done, total := 0, 0
	// The sizes of the files are the measure of progress.
	sizes := make([]int, len(files))
	for i, f := range files {
		if info, err := os.Stat(f.Path); err == nil {
			sizes[i] = int(info.Size())
			total += sizes[i]
		}
	}

	if o.Progress != nil && total > 0 {
		o.Progress(0, total) // the first file may be a large one
	}

	// One worker for each processor: reading pickles needs nothing but time.
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				c, err := checkFile(files[i], o)
				mu.Lock()
				done += sizes[i]

				// Mailman goes on working, so a file may be gone by now.
				switch {
				case errors.Is(err, fs.ErrNotExist):
					r.Vanished++
				case err != nil:
					r.Unread = append(r.Unread, err.Error())
				case len(only) == 0 || c.file.List == "" || only[c.file.List]:
					r.add(c)
					found[i] = c.findings
					if c.file.List != "" {
						lists[c.file.List] = true
					}
				}

				if o.Progress != nil {
					o.Progress(done, total)
				}

				mu.Unlock()
			}
		})
	}

	// The files in order, up to the end of ctx.
	for i := range files {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}

	close(next)
	wg.Wait()
	// Findings in the order of the files, whatever order the workers finished in.
	for _, f := range found {
		r.Findings = append(r.Findings, f...)
	}
	r.Lists = len(lists)
	r.Elapsed = time.Since(start)

	return r, ctx.Err()
}

func (r *Report) add(c *checker) {
	r.Files++
	r.Pickles += c.pickles
	r.Bytes += int64(c.size)
	k := r.Kinds[c.file.Kind]
	r.Kinds[c.file.Kind] = Count{k.Files + 1, k.Bytes + int64(c.size)}

	if c.gopickle {
		r.Gopickle++
	}

	if c.asked {
		r.Python++
	}

	r.Read += c.read
	r.Write += c.write
	r.PythonRead += c.pyTime

	if c.unsaid != nil {
		r.Unread = append(r.Unread, c.file.Path+": "+c.unsaid.Error())
	}
}

// A file that looks torn is read again so many times before it counts as torn: held messages and bounce events are
// written in place.
const (
	attempts = 5
	pause    = 200 * time.Millisecond
	fresh    = 10 * time.Second // a file that has not changed for this long is not being written
)

// large is the size from which on one file is checked at a time: a check takes about ten times the file's size in
// memory.
const large = 4 << 20

var largeFile sync.Mutex

// checkFile reads and checks one file. The error wraps fs.ErrNotExist where the file is gone.
func checkFile(f File, o Options) (*checker, error) {
	// One large file at a time, so that several do not fill the memory.
	if info, err := os.Stat(f.Path); err == nil && info.Size() > large {
		largeFile.Lock()
		defer largeFile.Unlock()
	}

	// A program may be writing the file: a torn one is read again as long as it is new.
	for n := 1; ; n++ {
		b, info, err := readFile(f.Path)
		if err != nil {
			return nil, err
		}

		c := &checker{python: o.Python, max: o.Max, file: f}
		c.run(b)
		c.nameList()

		if !c.torn() {
			if o.Doubts && len(c.findings) == 0 && f.Kind == Config && filepath.Base(f.Path) == "config.pck" && len(c.values) == 1 {
				c.doubts(c.values[0])
			}
			c.values = nil
			return c, nil
		}

		if f.Kind == Events && ownerRuns(f.Path) && c.pickles > 0 {
			// BounceRunner appends to its file, and keeps in memory what it has not written yet.
			c.findings = nil
			return c, nil
		}

		if n == attempts || time.Since(info.ModTime()) > fresh {
			return c, nil
		}
		time.Sleep(pause)
	}
}

func readFile(path string) ([]byte, fs.FileInfo, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := os.Stat(path)
	return b, info, err
}

func (c *checker) torn() bool {
	for _, f := range c.findings {
		if f.Check == checkRead {
			return true
		}
	}
	return false
}

// nameList reads an entry's list from its metadata.
func (c *checker) nameList() {
	if c.file.Kind != entry || len(c.values) != 2 {
		return
	}

	if d, ok := c.values[1].(*pickle.Dict); ok {
		v, _ := d.GetStr("listname")
		switch name := v.(type) {
		case pickle.Str:
			c.file.List = py.Lower(string(name))
		case pickle.Unicode:
			c.file.List = py.Lower(string(name))
		}
	}

	for i := range c.findings {
		c.findings[i].List = c.file.List
	}
}

// ownerRuns tells whether the process runs after which a bounce-events file is named.
func ownerRuns(path string) bool {
	name := strings.TrimSuffix(filepath.Base(path), ".pck")
	pid, err := strconv.Atoi(name[strings.LastIndexByte(name, '-')+1:])
	return err == nil && proc.Alive(pid)
}
