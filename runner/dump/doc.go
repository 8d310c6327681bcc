// Package dump shows any of Mailman's pickles to a human or a script: as text much like Python's own, or as JSON.
// Every value's kind can be told, and passwords are hidden.
package dump
