// Package terminal prepares text for people: what is shown of mail, of names of lists, files and members,
// and of errors is made harmless by [Escape] and [Lines], and [Writer] is the net below them, for a whole stream.
//
// Such text is written by strangers. A terminal obeys what it holds (ECMA-48: escape sequences that move the cursor,
// rewrite lines, answer as if typed), and a reader is misled by characters that are not seen or that turn the order of
// others around (Unicode Technical Report 36).
package terminal
