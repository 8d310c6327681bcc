package site

import (
	_ "embed"
	"sort"
	"strings"
	"sync"
)

//go:embed known.txt
var knownText string

// release is one known form of a module.
type release struct{ code, full, since, until string }

// knownReleases is the table of digests by module.
var knownReleases = sync.OnceValue(func() map[string][]release {
	table := map[string][]release{}
	for _, line := range strings.Split(knownText, "\n") {
		f := strings.Fields(line)
		if len(f) == 5 && f[0] != "#" {
			table[f[0]] = append(table[f[0]], release{f[1], f[2], f[3], f[4]})
		}
	}
	return table
})

// compare compares a module with the known releases.
func (m *Module) compare(name string) {
	for _, r := range knownReleases()[name] {
		if r.code != m.Code {
			continue
		}

		if !m.Known {
			m.Known, m.Since = true, r.since
		}

		m.Until = r.until
		if r.full == m.Full {
			m.Verbatim = true
		}
	}
}

// compare sets the fields that follow from the digests.
func (p *Profile) compare() {
	// A module is known by its digest: one that a site has changed is left to Python.
	custom := map[string]bool{}
	for name, m := range p.Modules {
		m.compare(name)
		p.Modules[name] = m
		if !m.Known && (replaced(name) || strings.HasPrefix(name, "Commands/cmd_") || strings.HasPrefix(name, "Bouncers/")) {
			custom[name] = true
		}
	}

	// A command's module and whether it is as Mailman ships it.
	for name, c := range p.Commands {
		c.Module = p.Modules["Commands/cmd_"+name]
		c.Shipped = c.Verbatim
		if !c.Shipped {
			custom["Commands/cmd_"+name] = true
		}
		p.Commands[name] = c
	}

	// The same for bounce detectors.
	for name, b := range p.Bouncers.Modules {
		b.Module = p.Modules["Bouncers/"+name]
		b.Shipped = b.Known
		p.Bouncers.Modules[name] = b
	}

	p.Custom = make([]string, 0, len(custom))
	for name := range custom {
		p.Custom = append(p.Custom, name)
	}
	sort.Strings(p.Custom)
}
