// Package dump shows any of Mailman's pickles to a human or a
// script: as text much like Python's own, or as JSON, with every value's kind to
// be told, and with passwords hidden.
package dump
