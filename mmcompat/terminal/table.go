package terminal

import (
	"io"
	"strings"
)

// Table is rows of cells in columns. Every cell is escaped. A table that is too wide for its page has the cells of its
// flexible columns broken into several lines.
type Table struct {
	width   int
	columns []Column
	rows    [][]string
}

// Column is one column of a Table.
type Column struct {
	Title string
	Right bool // numbers
	Flex  bool // may be broken into several lines
}

// gap stands between two columns.
const gap = "  "

// leastFlex is how narrow a flexible column becomes at most.
const leastFlex = 8

// NewTable makes a table for a page of so many columns of text.
func NewTable(width int, columns ...Column) *Table {
	return &Table{width: width, columns: columns}
}

// Row adds a row. Cells that are left out are empty.
func (t *Table) Row(cells ...string) {
	row := make([]string, len(t.columns))
	for i, cell := range cells {
		row[i] = Escape(cell)
	}
	t.rows = append(t.rows, row)
}

// Len is how many rows there are.
func (t *Table) Len() int { return len(t.rows) }

// Write writes the table under the columns' titles. The error is the writer's.
func (t *Table) Write(w io.Writer) error {
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i] = c.Title
	}
	return t.write(w, append([][]string{titles}, t.rows...))
}

// WriteRows writes the table without titles. The error is the writer's.
func (t *Table) WriteRows(w io.Writer) error { return t.write(w, t.rows) }

func (t *Table) write(w io.Writer, rows [][]string) error {
	widths := t.widths(rows)

	var out strings.Builder
	for _, row := range rows {
		t.row(&out, row, widths)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// parts of a cell stay in one line each: the items of an enumeration that fit, else words.
func parts(cell string, width int) []string {
	var all []string
	for item := range strings.SplitAfterSeq(cell, ", ") {
		if item = strings.TrimSpace(item); columns(item) <= width {
			all = append(all, item)
		} else {
			all = append(all, strings.Fields(item)...)
		}
	}

	return all
}

// widths are those of the columns: what their longest cells need, or less where the page has no more.
func (t *Table) widths(rows [][]string) []int {
	widths := make([]int, len(t.columns))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], columns(cell))
		}
	}

	excess := len(gap)*(len(widths)-1) - t.width
	for _, w := range widths {
		excess += w
	}

	// The widest gives first.
	for ; excess > 0; excess-- {
		widest := -1
		for i, c := range t.columns {
			if c.Flex && widths[i] > max(leastFlex, columns(c.Title)) && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}

		if widest < 0 {
			break
		}
		widths[widest]--
	}

	return widths
}

// row adds the lines of one row.
func (t *Table) row(out *strings.Builder, row []string, widths []int) {
	cells := make([][]string, len(row))
	height := 1
	for i, cell := range row {
		cells[i] = []string{cell}
		if columns(cell) > widths[i] {
			cells[i] = fill(parts(cell, widths[i]), widths[i])
		}
		height = max(height, len(cells[i]))
	}

	for n := range height {
		var line strings.Builder
		for i := range row {
			text := ""
			if n < len(cells[i]) {
				text = cells[i][n]
			}

			pad := strings.Repeat(" ", max(0, widths[i]-columns(text)))
			if i > 0 {
				line.WriteString(gap)
			}

			if t.columns[i].Right {
				line.WriteString(pad + text)
			} else {
				line.WriteString(text + pad)
			}
		}

		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}
