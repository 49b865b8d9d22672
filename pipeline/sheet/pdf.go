package sheet

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-pdf/fpdf"
)

// PDF makes a page of the paper's size. photos are those of the items; each is in the file once, a JPEG as
// it is, and shown at its true size wherever it lies.
func (p *Plan) PDF(photos []*Photo) ([]byte, error) {
	if len(photos) != len(p.Placed) {
		return nil, errors.New("sheet: not one photo for each item")
	}
	doc := fpdf.NewCustom(&fpdf.InitType{UnitStr: "mm", Size: fpdf.SizeType{Wd: p.W.MM(), Ht: p.H.MM()}})
	doc.SetMargins(0, 0, 0)
	doc.SetAutoPageBreak(false, 0)
	doc.SetProducer("idphoto", true)
	doc.AddPage()
	names := make([]string, len(photos))
	seen := make(map[*Photo]string, len(photos))
	for i, photo := range photos {
		if p.Placed[i] == 0 {
			continue
		}
		if names[i] = seen[photo]; names[i] != "" {
			continue
		}
		kind, data, err := photo.forPDF()
		if err != nil {
			return nil, err
		}
		names[i] = fmt.Sprintf("photo%d", i)
		seen[photo] = names[i]
		doc.RegisterImageOptionsReader(names[i], fpdf.ImageOptions{ImageType: kind}, bytes.NewReader(data))
	}
	for _, c := range p.Cells {
		show(doc, c, names[c.Item])
	}
	doc.SetDrawColor(int(grey.R), int(grey.G), int(grey.B))
	doc.SetLineWidth(stroke.MM())
	for _, l := range p.marks() {
		at := l.at.MM() + float64(l.side)*stroke.MM()/2 // the stroke's middle
		if l.upright {
			doc.Line(at, l.from.MM(), at, l.to.MM())
		} else {
			doc.Line(l.from.MM(), at, l.to.MM(), at)
		}
	}
	var out bytes.Buffer
	if err := doc.Output(&out); err != nil {
		return nil, fmt.Errorf("writing a PDF: %w", err)
	}
	return out.Bytes(), nil
}

// show places a photo in its cell, turned clockwise about the cell's middle where it lies turned.
func show(doc *fpdf.Fpdf, c Cell, name string) {
	x, y, w, h := c.X.MM(), c.Y.MM(), c.W.MM(), c.H.MM()
	if !c.Turned {
		doc.ImageOptions(name, x, y, w, h, false, fpdf.ImageOptions{}, 0, "")
		return
	}
	middleX, middleY := x+w/2, y+h/2
	doc.TransformBegin()
	doc.TransformRotate(-90, middleX, middleY)
	doc.ImageOptions(name, middleX-h/2, middleY-w/2, h, w, false, fpdf.ImageOptions{}, 0, "")
	doc.TransformEnd()
}
