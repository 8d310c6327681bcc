package command

import "strings"

// echo is cmd_echo: its arguments, unchanged but for the white space between.
func echo(r *results, args []string) (bool, error) {
	r.results = append(r.results, "echo "+strings.Join(args, " "))
	return true, nil
}
