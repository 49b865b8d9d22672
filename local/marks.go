package main

import (
	"encoding/csv"
	"fmt"
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
	expect       string         // code with which it must be refused; "": nothing said
	marked       bool           // whether eyes, chin and hair are marked
	left, right  geometry.Point // eyes
	chinY, hairY float64        // heights of chin and hair top
}

// onAxis returns the point at height y on the face's axis: through the middle between the eyes,
// square to the line that joins them. Chin and hair are marked by their heights alone.
func (m mark) onAxis(y float64) geometry.Point {
	mid, d := m.left.Mid(m.right), m.right.Sub(m.left)
	return geometry.Point{X: mid.X - (y-mid.Y)*d.Y/d.X, Y: y}
}

// readMarks reads a table of marks. A row without any marks is a picture to try only; its column
// expect, where the table has one, names the code with which it must be refused.
func readMarks(path string) ([]mark, error) {
	rows, err := readCSV(path)
	if err != nil {
		return nil, err
	}
	marks := make([]mark, 0, len(rows))
	for _, row := range rows {
		m := mark{file: row["file"], expect: row["expect"]}
		if m.file == "" {
			return nil, fmt.Errorf("%s: a row names no file", path)
		}
		columns := map[string]*float64{
			"left_eye_x": &m.left.X, "left_eye_y": &m.left.Y, "right_eye_x": &m.right.X, "right_eye_y": &m.right.Y,
			"chin_y": &m.chinY, "hairtop_y": &m.hairY,
		}
		for column := range columns {
			m.marked = m.marked || row[column] != ""
		}
		if m.marked {
			for column, to := range columns {
				if *to, err = strconv.ParseFloat(row[column], 64); err != nil {
					return nil, fmt.Errorf("%s: %s, column %s: %w", path, m.file, column, err)
				}
			}
			if m.right.X <= m.left.X {
				return nil, fmt.Errorf("%s: %s: the right eye is not to the right of the left one", path, m.file)
			}
		}
		marks = append(marks, m)
	}
	return marks, nil
}

// unmarked returns the pictures in dir that marks does not name, to be tried only.
func unmarked(dir string, marks []mark) ([]mark, error) {
	files, err := picturesIn(dir)
	if err != nil {
		return nil, err
	}
	var more []mark
	for _, f := range files {
		if !slices.ContainsFunc(marks, func(m mark) bool { return m.file == f }) {
			more = append(more, mark{file: f})
		}
	}
	return more, nil
}

// pictureExtensions are those of files that picturesIn takes for pictures.
var pictureExtensions = []string{".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif"}

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

// readCSV returns a table's rows by column name.
func readCSV(path string) ([]map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("%s: no header line", path)
	}
	rows := make([]map[string]string, 0, len(records)-1)
	for _, record := range records[1:] {
		row := make(map[string]string, len(record))
		for i, name := range records[0] {
			row[name] = record[i]
		}
		rows = append(rows, row)
	}
	return rows, nil
}
