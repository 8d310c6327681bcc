package status

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mmrunner/mmrunner/runner"
)

// Level says how bad a problem is. The numbers are the exit statuses of monitoring plugins (Nagios, Icinga).
type Level int

// The levels, in the order of the plugins' exit statuses.
const (
	OK Level = iota
	Warning
	Critical
	Unclear // it could not be checked
)

func (l Level) String() string { return [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[l] }

// MarshalText writes the level as a word in JSON.
func (l Level) MarshalText() ([]byte, error) { return []byte(strings.ToLower(l.String())), nil }

// worse tells whether l is worse than other: a fault that was seen is worse than a check that was not possible.
func (l Level) worse(other Level) bool {
	rank := [...]int{OK: 0, Unclear: 1, Warning: 2, Critical: 3}
	return rank[l] > rank[other]
}

// Alarm is a problem that an administrator should look at.
type Alarm struct {
	Level Level  `json:"level"`
	Text  string `json:"text"`
}

// Limits are the figures above which there is an alarm; 0 means no limit.
type Limits struct {
	Age       time.Duration // of the oldest entry of a queue that a runner works on
	Waiting   int           // entries of one such queue
	Shunted   int           // entries in the shunt queue
	Preserved int           // entries in the bad queue
	Lock      time.Duration // for which a list's lock is held
}

// Usual limits.
var (
	UsualWarn = Limits{Age: 30 * time.Minute, Shunted: 1, Lock: 10 * time.Minute}
	UsualCrit = Limits{Age: 2 * time.Hour}
)

// ParseLimits reads limits like "age=30m,waiting=1000,shunted=1", which replace those of usual; 0 removes a limit.
func ParseLimits(text string, usual Limits) (Limits, error) {
	l := usual
	// Each part changes one limit; the others stay as they are.
	for _, part := range strings.Split(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		var err error

		switch name {
		case "age":
			l.Age, err = time.ParseDuration(value)
		case "lock":
			l.Lock, err = time.ParseDuration(value)
		case "waiting":
			l.Waiting, err = strconv.Atoi(value)
		case "shunted":
			l.Shunted, err = strconv.Atoi(value)
		case "preserved":
			l.Preserved, err = strconv.Atoi(value)
		default:
			return l, fmt.Errorf("got %q, need age=TIME, lock=TIME, waiting=N, shunted=N or preserved=N", part)
		}

		if err != nil || l.Age < 0 || l.Lock < 0 || l.Waiting < 0 || l.Shunted < 0 || l.Preserved < 0 {
			return l, fmt.Errorf("got %q, need a time like 30m after age and lock, and a number after the others", part)
		}
	}

	return l, nil
}

// Judge returns an alarm for each problem, the worst first, and the level of the worst.
func (st *Status) Judge(warn, crit Limits) (Level, []Alarm) {
	j := judge{st: st, warn: warn, crit: crit, alarms: []Alarm{}}
	j.runners()
	j.queues()
	j.locks()
	for _, what := range st.Unseen {
		j.say(Unclear, "cannot be seen: %s", what)
	}

	// The exit status of a check is that of its worst alarm (Nagios).
	worst := OK
	for _, a := range j.alarms {
		if a.Level.worse(worst) {
			worst = a.Level
		}
	}

	// Alarms of one level stay in the order of the checks.
	var sorted []Alarm
	for _, level := range []Level{Critical, Warning, Unclear} {
		for _, a := range j.alarms {
			if a.Level == level {
				sorted = append(sorted, a)
			}
		}
	}

	return worst, sorted
}

// judge collects alarms.
type judge struct {
	st         *Status
	warn, crit Limits
	alarms     []Alarm
}

func (j *judge) say(level Level, format string, a ...any) {
	j.alarms = append(j.alarms, Alarm{level, fmt.Sprintf(format, a...)})
}

// over returns the level of a figure with limits.
func over[T int | time.Duration](got, warn, crit T) Level {
	switch {
	case crit > 0 && got >= crit:
		return Critical
	case warn > 0 && got >= warn:
		return Warning
	}
	return OK
}

// runners says which runners do not run, and which run in Python although mmrunner is installed.
func (j *judge) runners() {
	st := j.st
	working := map[string]bool{}
	for _, p := range st.Runners {
		working[p.Runner] = true
	}

	// Where other users' processes cannot be seen, a runner may be there all the same.
	switch {
	case len(st.Runners) > 0 || st.Master.State == Running:
		var idle []string
		for _, name := range runner.Names() {
			if !working[name] {
				idle = append(idle, name)
			}
		}

		if len(idle) > 0 && !st.Blind {
			j.say(Critical, "%s: no process does its work", strings.Join(idle, ", "))
		}
	case st.Master.State == Stopped && !st.Blind:
		j.say(Critical, "no runner works: mailmanctl does not run (%s)", st.Master.Reason)
	}

	// Python's runners beside an installed mmrunner mean that mailmanctl still has the old settings.
	var python []string
	for _, p := range st.python {
		python = append(python, fmt.Sprintf("%s %d", p.Runner, p.PID))
	}

	if st.Installed && len(python) > 0 {
		j.say(Warning, "mmrunner is installed but not active, since mailmanctl was started before that: stop it and start it (%s)",
			strings.Join(python, ", "))
	}
}

// queues compares the queues with the limits.
func (j *judge) queues() {
	for _, q := range j.st.Queues {
		if q.Unseen != "" {
			j.say(Unclear, "queue %s cannot be seen: %s", q.Name, q.Unseen)
			continue
		}

		// Entries in shunt and bad wait for an administrator; they have limits of their own.
		if q.Name == shunt {
			if level := over(q.Waiting, j.warn.Shunted, j.crit.Shunted); level != OK {
				j.say(level, "%s shunted: mmrunner shunt list says why", entries(q.Waiting))
			}
			continue
		}

		if q.Name == bad {
			if level := over(q.Preserved, j.warn.Preserved, j.crit.Preserved); level != OK {
				j.say(level, "%s preserved in %s", entries(q.Preserved), q.Dir)
			}
			continue
		}

		if q.Runner == "" {
			continue
		}
		age := time.Duration(q.AgeSeconds * float64(time.Second))
		// Bounces that wait to be registered together are in time.
		if level := over(age, j.warn.Age, j.crit.Age); level != OK && q.Waiting > 0 && !q.InTime {
			j.say(level, "queue %s: the oldest of %s waits for %s", q.Name, entries(q.Waiting), Roughly(age))
		}

		if level := over(q.Waiting, j.warn.Waiting, j.crit.Waiting); level != OK {
			j.say(level, "queue %s: %s wait", q.Name, entries(q.Waiting))
		}
	}
}

// locks reports locks that are held for too long, and files that dead processes have left.
func (j *judge) locks() {
	for _, l := range j.st.Locks {
		if l.Holder == nil {
			continue
		}
		held := time.Duration(l.Holder.Seconds * float64(time.Second))

		if l.Holder.Dead {
			j.say(Warning, "list %s: its lock is held by process %d, which is dead", l.List, l.Holder.PID)
		} else if level := over(held, j.warn.Lock, j.crit.Lock); level != OK {
			j.say(level, "list %s: its lock is held by process %d on %s for %s", l.List, l.Holder.PID, l.Holder.Host, Roughly(held))
		}
	}

	switch n := len(j.st.Orphans); {
	case n == 1:
		j.say(Warning, "1 file was left by a process that died: %s", j.st.Orphans[0].Path)
	case n > 1:
		j.say(Warning, "%d files were left by processes that died; the first is %s", n, j.st.Orphans[0].Path)
	}
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return strconv.Itoa(n) + " entries"
}
