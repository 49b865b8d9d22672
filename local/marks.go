package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"idphoto/pipeline/geometry"
)

// mark is what a person marked on one picture, in upright pixels.
type mark struct {
	file         string
	expect       []string       // codes, one of which must come of it; empty: nothing said
	marked       bool           // whether eyes, chin and hair are marked
	left, right  geometry.Point // eyes
	chinY, hairY float64        // heights of chin and hair top
	problem      string         // why the marks cannot be used
}

// onAxis returns the point at height y on the face's axis: through the middle between the eyes,
// square to the line that joins them. Chin and hair are marked by their heights alone.
func (m mark) onAxis(y float64) geometry.Point {
	mid, d := m.left.Mid(m.right), m.right.Sub(m.left)
	return geometry.Point{X: mid.X - (y-mid.Y)*d.Y/d.X, Y: y}
}

// What a mark's column is called: ours first.
var (
	fileColumns   = []string{"file", "image", "filename", "picture", "name"}
	expectColumns = []string{"expect", "expected", "expect_code", "must_refuse"}
	alphaColumns  = []string{"alpha", "matte", "truth_alpha", "mask"}
)

// readMarks reads a table of marks. A row without any marks is a picture to try only; so is one whose
// marks are no use, which says why. The column expect, where the table has one, names the code with which
// a picture must be refused (or held), several with | between them, "refused" for any, "made" for none.
func readMarks(path string) ([]mark, error) {
	rows, err := readCSV(path)
	if err != nil {
		return nil, err
	}
	marks := make([]mark, 0, len(rows))
	for i, row := range rows {
		m := mark{file: row.first(fileColumns), expect: strings.FieldsFunc(row.first(expectColumns), func(r rune) bool { return strings.ContainsRune("|/; ", r) })}
		if m.file == "" {
			return nil, fmt.Errorf("%s: row %d names no file", path, i+1)
		}
		m.problem = m.read(row)
		marks = append(marks, m)
	}
	return marks, nil
}

// read takes the marks of a row and returns what is wrong with them.
func (m *mark) read(row row) (problem string) {
	columns := []struct {
		name string
		to   *float64
	}{
		{"left_eye_x", &m.left.X}, {"left_eye_y", &m.left.Y}, {"right_eye_x", &m.right.X}, {"right_eye_y", &m.right.Y},
		{"chin_y", &m.chinY}, {"hairtop_y", &m.hairY},
	}
	var bad []string
	for _, c := range columns {
		v, err := strconv.ParseFloat(row[c.name], 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			bad = append(bad, c.name)
		}
		*c.to = v
	}
	switch {
	case len(bad) == len(columns): // nothing is marked, which is no fault
	case len(bad) > 0:
		return "no number in " + strings.Join(bad, ", ")
	case m.left.X == m.right.X || m.hairY >= m.chinY:
		return "no face has its eyes above each other, or its hair below its chin"
	default:
		if m.marked = true; m.right.X < m.left.X { // the person's own left and right
			m.left, m.right = m.right, m.left
		}
	}
	return ""
}

// unmarked returns the pictures in dir that marks does not name, to be tried only.
func unmarked(dir string, marks []mark) ([]mark, error) {
	files, err := picturesIn(dir)
	if err != nil {
		return nil, err
	}
	var more []mark
	for _, f := range files {
		if !slices.ContainsFunc(marks, func(m mark) bool { return locate(dir, m.file) == filepath.Join(dir, f) }) {
			more = append(more, mark{file: f})
		}
	}
	return more, nil
}

// locate returns the path of a picture that a table names: from dir, or, where that is not there (a table
// written elsewhere names its own folders), of the same name in dir.
func locate(dir, name string) string {
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		if other := filepath.Join(dir, filepath.Base(name)); other != path {
			if _, err := os.Stat(other); err == nil {
				return other
			}
		}
	}
	return path
}

// pictureExtensions are those of files that picturesIn takes for pictures.
var pictureExtensions = []string{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif"}

// picturesIn lists the names of the pictures in dir itself, in alphabetical order.
func picturesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && slices.Contains(pictureExtensions, strings.ToLower(filepath.Ext(e.Name()))) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// row is a table's row by column name.
type row map[string]string

// first returns the first of these columns that has a value.
func (r row) first(columns []string) string {
	for _, c := range columns {
		if r[c] != "" {
			return r[c]
		}
	}
	return ""
}

// readCSV returns a table's rows. It takes what spreadsheets write: a byte order mark, rows that end
// early, blanks around values.
func readCSV(path string) ([]row, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	in.FieldsPerRecord, in.LazyQuotes = -1, true
	records, err := in.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("%s: no header line", path)
	}
	rows := make([]row, 0, len(records)-1)
	for _, record := range records[1:] {
		r := make(row, len(record))
		for i, name := range records[0] {
			if i < len(record) {
				r[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(record[i])
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}
