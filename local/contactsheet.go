package main

import (
	"image"
	"image/color"
	"image/draw"
	"strings"

	xdraw "golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"
)

// A contact sheet is a grid of cells with a line of text above each.
const (
	cellWidth      = 252
	cellHeight     = 324
	cellGap        = 8
	labelHeight    = 18
	contactColumns = 7
)

type contactSheet struct{ img *image.RGBA }

func newContactSheet(rows int) *contactSheet {
	w := contactColumns*(cellWidth+cellGap) + cellGap
	h := rows*(cellHeight+labelHeight+cellGap) + cellGap
	s := &contactSheet{image.NewRGBA(image.Rect(0, 0, w, h))}
	draw.Draw(s.img, s.img.Rect, image.NewUniform(color.Gray{225}), image.Point{}, draw.Src)
	return s
}

// cell returns where the cell's picture goes.
func (s *contactSheet) cell(row, column int) image.Rectangle {
	x := cellGap + column*(cellWidth+cellGap)
	y := cellGap + row*(cellHeight+labelHeight+cellGap) + labelHeight
	return image.Rect(x, y, x+cellWidth, y+cellHeight)
}

// put scales img into a cell, keeping its shape.
func (s *contactSheet) put(row, column int, img image.Image) {
	c, b := s.cell(row, column), img.Bounds()
	scale := min(float64(c.Dx())/float64(b.Dx()), float64(c.Dy())/float64(b.Dy()))
	c.Max = c.Min.Add(image.Pt(max(1, int(scale*float64(b.Dx()))), max(1, int(scale*float64(b.Dy())))))
	xdraw.CatmullRom.Scale(s.img, c, img, b, draw.Src, nil)
}

// label writes a line above a cell; it may run on over the next ones.
func (s *contactSheet) label(row, column int, text string) {
	c := s.cell(row, column)
	s.line(c.Min.X, c.Min.Y-5, text)
}

// text writes sentences into a cell and those to its right, broken at spaces.
func (s *contactSheet) text(row, column int, text string) {
	c := s.cell(row, column)
	room := (s.img.Rect.Dx() - c.Min.X - cellGap) / basicfont.Face7x13.Advance
	y, line := c.Min.Y+20, ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > room {
			s.line(c.Min.X, y, line)
			y, line = y+16, ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	s.line(c.Min.X, y, line)
}

func (s *contactSheet) line(x, y int, text string) {
	d := font.Drawer{Dst: s.img, Src: image.Black, Face: basicfont.Face7x13, Dot: fixed.P(x, y)}
	d.DrawString(text)
}
