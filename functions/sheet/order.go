package sheet

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"idphoto/functions/photo"
	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/sheet"
	"idphoto/pipeline/spec"
	"idphoto/queue"
)

// source names one picture of one task.
type source struct {
	task string
	part photo.Part
}

// want is one item of an order. A count of 0 means as many as fit.
type want struct {
	source
	count int
}

// order is what a client asks for, checked as far as that goes without the photos.
type order struct {
	wants   []want
	paper   sheet.Paper
	dpi     int
	options sheet.Options
	format  format
}

// format is how a sheet is written.
type format struct {
	contentType, extension string
	// draw calls room, with the pixels that the sheet needs in memory, before it needs them.
	draw func(p *sheet.Plan, photos []*sheet.Photo, dpi int, room func(pixels int) error) ([]byte, error)
}

var formats = map[string]format{
	"jpeg": {"image/jpeg", ".jpg", drawJPEG},
	"pdf":  {"application/pdf", ".pdf", drawPDF},
}

func drawJPEG(p *sheet.Plan, photos []*sheet.Photo, dpi int, room func(int) error) ([]byte, error) {
	w, h, err := p.PixelSize(dpi)
	if err != nil {
		return nil, err
	}
	if err := room(w * h); err != nil {
		return nil, err
	}
	return p.JPEG(photos, dpi)
}

func drawPDF(p *sheet.Plan, photos []*sheet.Photo, _ int, room func(int) error) ([]byte, error) {
	if err := room(0); err != nil {
		return nil, err
	}
	return p.PDF(photos)
}

// body is an order as JSON. Members that are missing have the defaults.
type body struct {
	Items []struct {
		TaskID string     `json:"task_id"`
		Part   photo.Part `json:"part"`
		Count  *int       `json:"count"`
		Fill   bool       `json:"fill"`
	} `json:"items"`
	Paper       string            `json:"paper"`
	DPI         int               `json:"dpi"`
	GapMM       float64           `json:"gap_mm"`
	MarginMM    float64           `json:"margin_mm"`
	Marks       sheet.Marks       `json:"marks"`
	Orientation sheet.Orientation `json:"orientation"`
	Format      string            `json:"format"`
}

func defaults() body {
	o := sheet.DefaultOptions()
	return body{Paper: sheet.DefaultPaper, DPI: 300, GapMM: o.GapMM, MarginMM: o.MarginMM, Marks: o.Marks, Orientation: o.Orientation, Format: "jpeg"}
}

// readOrder reads a request's JSON.
func readOrder(r *http.Request) (*order, error) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); r.ContentLength != 0 && strings.TrimSpace(kind) != "application/json" {
		return nil, fault.New(problem.UnsupportedMedia, nil)
	}
	b := defaults()
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&b); err != nil {
		return nil, unreadable(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.New(problem.BadRequest, err)
	}
	o, err := b.order()
	if err != nil {
		return nil, err
	}
	for _, it := range b.Items {
		n := 0
		switch {
		case it.Count != nil && (it.Fill || *it.Count < 1 || *it.Count > sheet.MaxCount):
			return nil, badSheet("count")
		case it.Count != nil:
			n = *it.Count
		}
		id, err := uuid.Parse(it.TaskID)
		if err != nil {
			return nil, fault.New(problem.NotFound, nil)
		}
		if it.Part == "" {
			it.Part = photo.Photo
		}
		o.wants = append(o.wants, want{source{id.String(), it.Part}, n})
	}
	if n := len(o.wants); n == 0 || n > sheet.MaxItems {
		return nil, badSheet("items")
	}
	return o, nil
}

// unreadable is what is wrong with a body. What a client wrote is not repeated.
func unreadable(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return err
	}
	if typed, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && typed.Field != "" {
		return badSheet(typed.Field)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name, _ = strconv.Unquote(name)
		return fault.New(problem.UnknownField, nil, "field", name[:min(len(name), 40)])
	}
	return fault.New(problem.BadRequest, err)
}

func badSheet(field string) error { return fault.New(fault.BadSheet, nil, "field", field) }

// order checks all but the items.
func (b *body) order() (*order, error) {
	o := &order{dpi: b.DPI, options: sheet.Options{GapMM: b.GapMM, MarginMM: b.MarginMM, Marks: b.Marks, Orientation: b.Orientation}}
	var ok bool
	if o.format, ok = formats[b.Format]; !ok {
		return nil, badSheet("format")
	}
	if o.dpi < sheet.MinDPI || o.dpi > sheet.MaxDPI {
		return nil, badSheet("dpi")
	}
	if err := o.options.Check(); err != nil {
		return nil, err
	}
	var err error
	o.paper, err = sheet.ParsePaper(b.Paper)
	return o, err
}

// readQuery reads an order for one task's photo from a query.
func readQuery(q url.Values, id string) (*order, error) {
	b, n := defaults(), 0
	for field, values := range q {
		value := values[0]
		var err error
		switch field {
		case "part":
		case "paper":
			b.Paper = value
		case "dpi":
			b.DPI, err = strconv.Atoi(value)
		case "gap_mm":
			b.GapMM, err = strconv.ParseFloat(value, 64)
		case "margin_mm":
			b.MarginMM, err = strconv.ParseFloat(value, 64)
		case "marks":
			b.Marks = sheet.Marks(value)
		case "orientation":
			b.Orientation = sheet.Orientation(value)
		case "format":
			b.Format = value
		case "count":
			if n, err = strconv.Atoi(value); err == nil && (n < 1 || n > sheet.MaxCount) {
				err = strconv.ErrRange
			}
		default:
			return nil, fault.New(problem.UnknownField, nil, "field", field[:min(len(field), 40)])
		}
		if err != nil {
			return nil, badSheet(field)
		}
	}
	o, err := b.order()
	if err == nil {
		o.wants = []want{{source{id, photo.Photo}, n}}
	}
	return o, err
}

// itemOf tells how large a task's photo is on paper: as its document says, where it has the document's
// proportions, else as its file says.
func itemOf(t queue.Task, p *sheet.Photo) (sheet.Item, error) {
	var chosen struct {
		Size string `json:"size"`
	}
	if json.Unmarshal(t.Options, &chosen) == nil && chosen.Size != "" {
		if s, err := spec.Lookup(chosen.Size); err == nil && p.Fits(s.WidthMM, s.HeightMM) == nil {
			return sheet.Item{WidthMM: s.WidthMM, HeightMM: s.HeightMM}, nil
		}
	}
	if w, h, ok := p.SizeMM(); ok {
		return sheet.Item{WidthMM: w, HeightMM: h}, nil
	}
	return sheet.Item{}, badSheet("size")
}
