package message

import "time"

// FormatDate is email.utils.formatdate: with local, in t's own zone; else in
// UTC as "-0000".
func FormatDate(t time.Time, local bool) string {
	const layout = "Mon, 02 Jan 2006 15:04:05 "
	if !local {
		return t.UTC().Format(layout) + "-0000"
	}
	return t.Format(layout + "-0700")
}
