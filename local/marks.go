package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"strconv"

	"idphoto/pipeline/geometry"
)

// mark is what a person marked on one picture, in upright pixels.
type mark struct {
	file         string
	left, right  geometry.Point // eyes
	chinY, hairY float64        // heights of chin and hair top
}

// onAxis returns the point at height y on the face's axis: through the middle between the eyes,
// square to the line that joins them. Chin and hair are marked by their heights alone.
func (m mark) onAxis(y float64) geometry.Point {
	mid, d := m.left.Mid(m.right), m.right.Sub(m.left)
	return geometry.Point{X: mid.X - (y-mid.Y)*d.Y/d.X, Y: y}
}

func readMarks(path string) ([]mark, error) {
	rows, err := readCSV(path)
	if err != nil {
		return nil, err
	}
	marks := make([]mark, 0, len(rows))
	for _, row := range rows {
		m := mark{file: row["file"]}
		for column, to := range map[string]*float64{
			"left_eye_x": &m.left.X, "left_eye_y": &m.left.Y, "right_eye_x": &m.right.X, "right_eye_y": &m.right.Y,
			"chin_y": &m.chinY, "hairtop_y": &m.hairY,
		} {
			if *to, err = strconv.ParseFloat(row[column], 64); err != nil {
				return nil, fmt.Errorf("%s: %s, column %s: %w", path, m.file, column, err)
			}
		}
		marks = append(marks, m)
	}
	return marks, nil
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
