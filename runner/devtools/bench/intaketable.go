package bench

import (
	"fmt"
	"io"

	"github.com/mmrunner/mmrunner/mmcompat/terminal"
)

// PrintIntake writes the rows as a table.
func PrintIntake(w io.Writer, rows []IntakeRow) error {
	t := terminal.NewTable(terminal.Width, terminal.Column{Title: "INTO A QUEUE, FLUSHED", Flex: true}, number("MESSAGES"), number("AT ONCE"), number("MESSAGES/S"), number("CPU EACH"))
	for _, r := range rows {
		t.Row(r.Way, fmt.Sprint(r.Messages), fmt.Sprint(r.Connections), fmt.Sprintf("%.0f", r.Rate()), fmt.Sprintf("%.2f ms", r.Each()*1e3))
	}
	return t.Write(w)
}

// PrintTrips writes the rows as a table.
func PrintTrips(w io.Writer, rows []TripRow) error {
	t := terminal.NewTable(terminal.Width, terminal.Column{Title: "SMTP TO SAVED LIST", Flex: true}, number("BOUNCES"), number("POSTFIX"), number("SERVER"), number("BATCH"), number("CPU EACH"), number("FOR 5,000"))
	each := func(seconds float64, r TripRow) string { return fmt.Sprintf("%.2f ms", seconds*1e3/float64(r.Bounces)) }
	for _, r := range rows {
		t.Row(r.Way, fmt.Sprint(r.Bounces), each(r.MailServer, r), each(r.Server, r), each(r.Batch, r), fmt.Sprintf("%.2f ms", r.Each()*1e3), fmt.Sprintf("%.0f s", r.Each()*5000))
	}
	return t.Write(w)
}

// number is a column of figures.
func number(title string) terminal.Column { return terminal.Column{Title: title, Right: true} }

// Budgets of the way in.
const (
	intakeRate = 1000 // flushed messages a second
	intakeEach = 1e-3 // seconds of the server's processor time for one of them
	pipeTimes  = 15   // how many times as much the whole way takes by the pipe
)

// OverIntake returns a sentence for each figure over its budget, with what the disk
// itself does at that moment.
func OverIntake(rows []IntakeRow, trips []TripRow) (over []string) {
	var flush, file IntakeRow
	for _, r := range rows {
		switch r.Way {
		case wayFlush:
			flush = r
		case wayFile:
			file = r
		}
		if r.Way != wayLMTP {
			continue
		}

		if r.Rate() < intakeRate {
			over = append(over, fmt.Sprintf("LMTP on %d connections: got %.0f messages/s, need %d; the disk did %.0f flushes/s and %.0f files/s",
				r.Connections, r.Rate(), intakeRate, flush.Rate(), file.Rate()))
		}
		if r.Each() > intakeEach {
			over = append(over, fmt.Sprintf("LMTP on %d connections: got %.2f ms of processor time each, need %.0f ms; a file alone took %.2f",
				r.Connections, r.Each()*1e3, intakeEach*1e3, file.Each()*1e3))
		}
	}

	if times, ok := TimesLess(trips); ok && times < pipeTimes {
		over = append(over, fmt.Sprintf("through Postfix: got %.1f times less processor time than by the pipe, need %d times", times, pipeTimes))
	}

	return over
}

// PostTimesLess is how many times less processor time mmpost takes than Mailman's script;
// ok is false where not both were measured.
func PostTimesLess(rows []IntakeRow) (times float64, ok bool) {
	each := map[string]float64{}
	for _, r := range rows {
		each[r.Way] = r.Each()
	}
	post, pipe := each[wayPost], each[wayPipe]
	return pipe / post, post > 0 && pipe > 0
}

// TimesLess is how many times less processor time the whole way takes by LMTP than by
// the pipe; ok is false where not both were measured.
func TimesLess(rows []TripRow) (times float64, ok bool) {
	if len(rows) != 2 {
		return 0, false
	}
	return rows[1].Each() / rows[0].Each(), true
}
