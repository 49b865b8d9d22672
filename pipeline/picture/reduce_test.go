package picture

import (
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"testing"
)

// noise fills bytes reproducibly.
func noise(seed uint64, bytes ...[]byte) {
	r := rand.New(rand.NewPCG(seed, 1))
	for _, b := range bytes {
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}
}

// opaqueNoise are pictures of every kind that has a reader of its own, of odd sizes.
func noisePictures(w, h int) map[string]image.Image {
	r := image.Rect(0, 0, w, h)
	out := map[string]image.Image{}
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		m := image.NewYCbCr(r, ratio)
		noise(1, m.Y)
		for i := range m.Cb { // colours that stay within RGB, so that averaging and clamping commute
			m.Cb[i], m.Cr[i] = byte(118+i*7%20), byte(118+i*5%20)
		}
		for i := range m.Y {
			m.Y[i] = 40 + m.Y[i]/2
		}
		out[ratio.String()] = m
	}
	grey, grey16 := image.NewGray(r), image.NewGray16(r)
	rgba, nrgba, cmyk := image.NewRGBA(r), image.NewNRGBA(r), image.NewCMYK(r)
	nrgba64, rgba64 := image.NewNRGBA64(r), image.NewRGBA64(r)
	noise(2, grey.Pix, grey16.Pix, nrgba.Pix, cmyk.Pix, nrgba64.Pix)
	for y := range h {
		for x := range w {
			rgba.Set(x, y, nrgba.At(x, y))
			rgba64.Set(x, y, nrgba64.At(x, y))
		}
	}
	pal := image.NewPaletted(r, color.Palette{color.NRGBA{255, 0, 0, 255}, color.NRGBA{0, 99, 0, 128}, color.NRGBA{7, 8, 9, 0}, color.Gray{77}})
	noise(3, pal.Pix)
	for i := range pal.Pix {
		pal.Pix[i] %= 4
	}
	ya := image.NewNYCbCrA(r, image.YCbCrSubsampleRatio420)
	noise(4, ya.Y, ya.A)
	for i := range ya.Cb {
		ya.Cb[i], ya.Cr[i] = 120, 140
	}
	for name, m := range map[string]image.Image{"gray": grey, "gray16": grey16, "rgba": rgba, "nrgba": nrgba, "cmyk": cmyk,
		"nrgba64": nrgba64, "rgba64": rgba64, "paletted": pal, "nycbcra": ya, "other": uniform{r}} {
		out[name] = m
	}
	return out
}

// uniform is a picture of a kind that the package does not know.
type uniform struct{ r image.Rectangle }

func (u uniform) ColorModel() color.Model { return color.NRGBAModel }
func (u uniform) Bounds() image.Rectangle { return u.r }
func (u uniform) At(x, y int) color.Color {
	return color.NRGBA{uint8(x * 7), uint8(y * 5), uint8(x + y), uint8(x*11 + y*13)}
}

// newPicture makes a Picture of pixels as if a file had held them.
func newPicture(t testing.TB, img image.Image, orientation int) *Picture {
	t.Helper()
	h := &header{format: "test", width: img.Bounds().Dx(), height: img.Bounds().Dy(), orientation: orientation, ycc: jfif}
	src, err := newSource(img, h)
	if err != nil {
		t.Fatal(err)
	}
	return &Picture{info: h.info(), stored: image.Pt(h.width, h.height), orient: orientations[orientation], pixels: src}
}

// turn maps an upright pixel to the stored one, written out from the EXIF specification's table
// of where row 0 and column 0 lie.
func turn(orientation, x, y, w, h int) (sx, sy int) {
	switch orientation { // w and h are the stored size
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, h - 1 - x
	case 7:
		return w - 1 - y, h - 1 - x
	case 8:
		return w - 1 - y, x
	}
	return x, y
}

// slowReduce is Reduce by its definition, in floating point over At.
func slowReduce(img image.Image, orientation int, r image.Rectangle, factor int) *image.RGBA {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	up := image.Rect(0, 0, w, h)
	if orientation >= 5 {
		up = image.Rect(0, 0, h, w)
	}
	r = r.Intersect(up)
	out := image.NewRGBA(image.Rect(0, 0, (r.Dx()+factor-1)/factor, (r.Dy()+factor-1)/factor))
	for oy := range out.Rect.Dy() {
		for ox := range out.Rect.Dx() {
			block := image.Rect(ox*factor, oy*factor, (ox+1)*factor, (oy+1)*factor).Add(r.Min).Intersect(r)
			var sum [3]float64
			for y := block.Min.Y; y < block.Max.Y; y++ {
				for x := block.Min.X; x < block.Max.X; x++ {
					sx, sy := turn(orientation, x, y, w, h)
					cr, cg, cb, ca := img.At(b.Min.X+sx, b.Min.Y+sy).RGBA()
					for i, v := range []uint32{cr, cg, cb} {
						sum[i] += float64(v+0xffff-ca) / 257
					}
				}
			}
			n := float64(block.Dx() * block.Dy())
			out.SetRGBA(ox, oy, color.RGBA{uint8(sum[0]/n + 0.5), uint8(sum[1]/n + 0.5), uint8(sum[2]/n + 0.5), 255})
		}
	}
	return out
}

// maxDiff is the largest difference of any channel; pictures of other sizes differ by 256.
func maxDiff(a, b *image.RGBA) int {
	if a.Rect != b.Rect {
		return 256
	}
	worst := 0
	for i := range a.Pix {
		d := int(a.Pix[i]) - int(b.Pix[i])
		worst = max(worst, d, -d)
	}
	return worst
}

func TestReduceIsTheAverageOfEachBlock(t *testing.T) {
	for name, img := range noisePictures(61, 43) {
		for _, orientation := range []int{1, 2, 3, 4, 5, 6, 7, 8} {
			p := newPicture(t, img, orientation)
			for _, factor := range []int{1, 2, 3, 5, 8, 16, 1000} {
				for _, r := range []image.Rectangle{
					image.Rect(0, 0, 100, 100),
					image.Rect(3, 5, 30, 38),
					image.Rect(-7, 11, 22, 12),
					image.Rect(16, 16, 48, 48),
				} {
					got, want := p.Reduce(r, factor), slowReduce(img, orientation, r, factor)
					if d := maxDiff(got, want); d > 1 {
						t.Errorf("%s, orientation %d, %v by %d: off by %d (size %v, want %v)", name, orientation, r, factor, d, got.Rect, want.Rect)
					}
				}
			}
		}
	}
}

func TestReduceOfALargeBlockDoesNotOverflow(t *testing.T) {
	white := image.NewYCbCr(image.Rect(0, 0, 1500, 1100), image.YCbCrSubsampleRatio420)
	for i := range white.Y {
		white.Y[i] = 255
	}
	for i := range white.Cb {
		white.Cb[i], white.Cr[i] = 128, 128
	}
	grey := image.NewGray(white.Rect)
	copy(grey.Pix, white.Y)
	for name, img := range map[string]image.Image{"planes": white, "rows": grey} {
		for _, factor := range []int{256, 257, 258, 1100, 1 << 62} {
			got := newPicture(t, img, 1).Reduce(white.Rect, factor)
			for i, v := range got.Pix {
				if v != 255 {
					t.Fatalf("%s by %d: byte %d = %d, want 255", name, factor, i, v)
				}
			}
		}
	}
}

func TestReduceOutsideThePictureIsEmpty(t *testing.T) {
	p := newPicture(t, image.NewGray(image.Rect(0, 0, 64, 64)), 1)
	for _, r := range []image.Rectangle{image.Rect(64, 0, 80, 10), image.Rect(5, 5, 5, 9), {}} {
		if got := p.Reduce(r, 2); !got.Rect.Empty() {
			t.Errorf("Reduce(%v) = %v, want nothing", r, got.Rect)
		}
	}
}

// photoLike is 4:2:0 with the muted colours and the grain of a photo: full noise would measure
// mispredicted branches.
func photoLike(w, h int) *image.YCbCr {
	m := image.NewYCbCr(image.Rect(0, 0, w, h), image.YCbCrSubsampleRatio420)
	noise(9, m.Y, m.Cb, m.Cr)
	for i, v := range m.Y {
		m.Y[i] = byte(60+120*i/len(m.Y)) + v%16
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = 110+m.Cb[i]%16, 130+m.Cr[i]%16
	}
	return m
}

func BenchmarkReduce12MP(b *testing.B) {
	m := photoLike(4000, 3000)
	grey, nrgba := image.NewGray(m.Rect), image.NewNRGBA(m.Rect)
	noise(9, grey.Pix, nrgba.Pix)
	for _, c := range []struct {
		name        string
		img         image.Image
		orientation int
		factor      int
	}{
		{"420/by8", m, 1, 8}, {"420/by8turned", m, 6, 8}, {"420/by5", m, 1, 5}, {"420/by3", m, 1, 3}, {"420/by2", m, 1, 2},
		{"gray/by8", grey, 1, 8}, {"nrgba/by8", nrgba, 1, 8},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := newPicture(b, c.img, c.orientation)
			for b.Loop() {
				p.Reduce(image.Rect(0, 0, 4000, 4000), c.factor)
			}
		})
	}
}

func BenchmarkCopy1500kP(b *testing.B) {
	m := photoLike(1500, 1000)
	p3 := &rgbProfile{toXYZ: primariesP3.toD50(), curves: [3]curve{srgbToLinear, srgbToLinear, srgbToLinear}}
	for _, orientation := range []int{1, 3, 6} {
		for _, conv := range []*conversion{nil, newConversion(p3)} {
			b.Run(fmt.Sprintf("orientation%d/converted=%v", orientation, conv != nil), func(b *testing.B) {
				p := newPicture(b, m, orientation)
				p.colour = conv
				for b.Loop() {
					p.Reduce(image.Rect(0, 0, 1500, 1500), 1)
				}
			})
		}
	}
}
