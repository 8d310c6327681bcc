// Package zone has the time zone that Mailman's Python has from the
// environment: the days of bounces and the times in logs are local ones.
//
// Go knows the zones of the system's database by their names. The C library, and so
// Python, also takes the rule itself, as in TZ=CET-1CEST,M3.5.0,M10.5.0/3 (POSIX.1,
// Base Definitions, 8.3); Go takes that for UTC.
package zone

import (
	"encoding/binary"
	"strings"
	"time"
)

// Local returns the zone for a value of TZ that Go reads in another way than the C library; nil where time.Local is
// right.
func Local(tz string) *time.Location {
	if tz == "" || strings.HasPrefix(tz, ":") || strings.HasPrefix(tz, "/") {
		return nil
	}
	if _, err := time.LoadLocation(tz); err == nil {
		return nil
	}

	local, err := time.LoadLocationFromTZData("Local", ruled(tz))
	if err != nil {
		return nil
	}
	return local
}

// ruled makes a zone file of version 2 (RFC 8536) without changes: the rule at its end then holds for all times. A
// rule that cannot be read leaves UTC, as in C.
func ruled(rule string) []byte {
	header := func(types, chars uint32) []byte {
		b := append([]byte("TZif2"), make([]byte, 15)...)
		for _, n := range []uint32{0, 0, 0, 0, types, chars} {
			b = binary.BigEndian.AppendUint32(b, n)
		}
		return b
	}

	const abbreviation = "UTC\x00"
	b := append(header(0, 0), header(1, uint32(len(abbreviation)))...)
	b = append(b, 0, 0, 0, 0, 0, 0) // no offset, no daylight saving time, the first abbreviation
	return append(b, abbreviation+"\n"+rule+"\n"...)
}
