package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	_ "image/png" // cut-outs
	"io"
	"os"
	"path/filepath"

	"idphoto/functions/problem"
	"idphoto/pipeline"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/resample"
	"idphoto/pipeline/spec"
)

// contactCmd lays what the pipeline makes of a folder's pictures side by side, to be looked at: one
// picture a row, with the original, the photo on three colours, and where its hair is finest,
// enlarged on the same colours.
type contactCmd struct {
	Dir  string `arg:"" type:"existingdir" help:"Folder of pictures."`
	Out  string `short:"o" default:"contact" type:"path" help:"Folder for the sheets (contact-01.jpg, ...); made when missing."`
	Size string `default:"passport-35x45" help:"Document to make."`
	Rows int    `default:"6" help:"Pictures on a sheet, 1 to 20."`

	Engine engineFlags `embed:""`
}

// contactColours are those that photos are laid on: the usual ones, and hard on rims.
var contactColours = [3]color.NRGBA{{0xd7, 0x45, 0x32, 255}, {0x43, 0x8e, 0xdb, 255}, {255, 255, 255, 255}}

// Run makes the sheets, one at a time: memory does not grow with the folder.
func (c *contactCmd) Run(ctx context.Context, out io.Writer) error {
	if c.Rows < 1 || c.Rows > 20 {
		return fmt.Errorf("--rows %d is not within 1 to 20", c.Rows)
	}
	s, err := spec.Lookup(c.Size)
	if err != nil {
		return err
	}
	files, err := picturesIn(c.Dir)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s holds no pictures", c.Dir)
	}
	p, err := pipeline.Open(c.Engine.options())
	if err != nil {
		return err
	}
	defer p.Close()
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return err
	}
	for page := 0; page*c.Rows < len(files); page++ {
		rows := files[page*c.Rows : min((page+1)*c.Rows, len(files))]
		sheet := newContactSheet(len(rows))
		for i, name := range rows {
			c.row(ctx, sheet, i, p, s, name)
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		path := filepath.Join(c.Out, fmt.Sprintf("contact-%02d.jpg", page+1))
		if err := writeJPEG(path, sheet.img); err != nil {
			return err
		}
		fmt.Fprintf(out, "%s: %d pictures\n", path, len(rows))
	}
	return nil
}

// row fills row i with what becomes of one picture.
func (c *contactCmd) row(ctx context.Context, sheet *contactSheet, i int, p *pipeline.Pipeline, s *spec.Spec, name string) {
	path := filepath.Join(c.Dir, name)
	sheet.label(i, 0, name)
	if original, err := thumbnail(path); err == nil {
		sheet.put(i, 0, original)
	}
	res, refused := makePhoto(ctx, p, s, path, "transparent")
	untouched := refused != nil && refused.Code == fault.BackgroundForbidden
	if untouched {
		res, refused = makePhoto(ctx, p, s, path, "original")
	}
	if refused != nil {
		sheet.label(i, 1, refused.Code)
		sheet.text(i, 1, explain(refused))
		return
	}
	photo, err := decodeNRGBA(res.Photo)
	if err != nil {
		sheet.text(i, 1, err.Error())
		return
	}
	note := fmt.Sprintf("enlarged x%.2f, tilt %.1f", res.Report.Upscale, res.Report.TiltDeg)
	if res.Held != nil {
		note += ", held: " + res.Held.Code
	}
	sheet.label(i, 1, note)
	if untouched {
		sheet.put(i, 1, photo)
		return
	}
	hair := finestHair(photo, int(res.Report.Chin.Y))
	sheet.label(i, 4, fmt.Sprintf("hair, enlarged from %d x %d", hair.Dx(), hair.Dy()))
	for k, colour := range contactColours {
		onColour := over(photo, colour)
		sheet.put(i, 1+k, onColour)
		sheet.put(i, 4+k, onColour.SubImage(hair))
	}
}

// decodeNRGBA decodes a photo of the pipeline's.
func decodeNRGBA(data []byte) (*image.NRGBA, error) {
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if n, ok := img.(*image.NRGBA); ok {
		return n, nil
	}
	n := image.NewNRGBA(img.Bounds())
	draw.Draw(n, n.Rect, img, n.Rect.Min, draw.Src)
	return n, nil
}

// explain tells in words why a picture was refused.
func explain(f *fault.Error) string {
	if f.Code == unreadable || f.Code == internal {
		return f.Err.Error()
	}
	text := problem.Explain(f.Code, f.Detail, problem.English)
	return text.Sentence + " " + text.Advice
}

// thumbnail returns the picture as large as a cell shows it.
func thumbnail(path string) (image.Image, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pic, err := picture.Decode(data, nil)
	if err != nil {
		return nil, err
	}
	w, h := pic.Bounds()
	scale := min(float64(cellWidth)/float64(w), float64(cellHeight)/float64(h))
	return resample.Sample(pic, geometry.Affine{A: 1 / scale, E: 1 / scale},
		max(1, int(scale*float64(w))), max(1, int(scale*float64(h))), resample.Cubic), nil
}

// over lays the cut-out on a colour.
func over(cutout *image.NRGBA, colour color.NRGBA) *image.RGBA {
	photo := image.NewRGBA(cutout.Rect)
	draw.Draw(photo, photo.Rect, image.NewUniform(colour), image.Point{}, draw.Src)
	draw.Draw(photo, photo.Rect, cutout, cutout.Rect.Min, draw.Over)
	return photo
}

// finestHair returns the third of the photo, above the chin, that holds most half-transparent
// pixels, in the shape of a cell.
func finestHair(cutout *image.NRGBA, chin int) image.Rectangle {
	b := cutout.Rect
	w := b.Dx() / 3
	h := min(w*cellHeight/cellWidth, b.Dy())
	const step = 8
	best, most := image.Rect(0, 0, w, h), -1
	for y := 0; y+h <= max(min(chin, b.Dy()), h); y += step {
		for x := 0; x+w <= b.Dx(); x += step {
			soft := 0
			for v := y; v < y+h; v += 2 {
				for u := x; u < x+w; u += 2 {
					a := int(cutout.Pix[cutout.PixOffset(u, v)+3])
					soft += a * (255 - a)
				}
			}
			if soft > most {
				best, most = image.Rect(x, y, x+w, y+h), soft
			}
		}
	}
	return best
}

func writeJPEG(path string, img image.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := jpeg.Encode(f, img, &jpeg.Options{Quality: 92}); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
