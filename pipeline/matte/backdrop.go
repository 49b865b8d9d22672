package matte

import "image"

// How Refine tells the background by its colour. Values chosen as those of Refine.
const (
	cellSide     = 4    // pixels of a cell of colours
	backdropPull = .2   // weight of a pixel that looks just like the background, before matting's 1
	separation   = 8    // how many variances person and background must be apart to be half believed
	alike        = 3e-3 // squared distance of their colours at which they are half alike: 8 levels in each channel
	colourNoise  = 2e-4 // variance that any camera adds; colours are 0 to 1
)

// tone sums up pixels: their number, the sums of their colours, and of the colours' squared length.
type tone [5]float32

func (t *tone) add(u *tone, weight float32) {
	for i := range t {
		t[i] += weight * u[i]
	}
}

// mean returns the mean colour and its variance, summed over the channels.
func (t *tone) mean() (c [3]float32, variance float32) {
	for ch := range 3 {
		c[ch] = t[1+ch] / t[0]
	}
	return c, max(t[4]/t[0]-c[0]*c[0]-c[1]*c[1]-c[2]*c[2], 0) + colourNoise
}

// tones is a grid of cells of one kind of pixels.
type tones struct {
	w, h int
	at   []tone
}

// fill gives cells that have few pixels of the kind the tone of those around them, from further off
// the fewer there are: up a pyramid and down again.
func (g *tones) fill() {
	if g.w <= 1 && g.h <= 1 {
		return
	}
	up := &tones{w: (g.w + 1) / 2, h: (g.h + 1) / 2}
	up.at = make([]tone, up.w*up.h)
	for i := range g.at {
		if g.at[i][0] > 0 {
			up.at[i/g.w/2*up.w+i%g.w/2].add(&g.at[i], 1)
		}
	}
	for i := range up.at {
		up.at[i].limit()
	}
	up.fill()
	for y := range g.h {
		for x := range g.w {
			t := &g.at[y*g.w+x]
			if t[0] >= 1 {
				continue
			}
			if far := up.between((float32(x)+.5)/2, (float32(y)+.5)/2); far[0] > 0 {
				t.add(&far, (1-t[0])/far[0])
			}
		}
	}
}

// limit lets no tone weigh more than 1.
func (t *tone) limit() {
	if n := t[0]; n > 1 {
		for i := range t {
			t[i] /= n
		}
	}
}

// between reads the grid between cells, whose middles are at halves.
func (g *tones) between(x, y float32) (sum tone) {
	x, y = max(x-.5, 0), max(y-.5, 0)
	x0, y0 := min(int(x), g.w-1), min(int(y), g.h-1)
	x1, y1 := min(x0+1, g.w-1), min(y0+1, g.h-1)
	fx, fy := x-float32(x0), y-float32(y0)
	sum.add(&g.at[y0*g.w+x0], (1-fx)*(1-fy))
	sum.add(&g.at[y0*g.w+x1], fx*(1-fy))
	sum.add(&g.at[y1*g.w+x0], (1-fx)*fy)
	sum.add(&g.at[y1*g.w+x1], fx*fy)
	return sum
}

// backdrop returns how much each unknown pixel is to be drawn to alpha 0 because its colour is that
// of the background around it and far from the person's there. The other way round tells little:
// hair has many colours, walls have few. Where the two are alike (dark hair before a dark wall) the
// colours tell nothing, and the network's alpha gains trust.
func (b *band) backdrop(img *image.RGBA) []float32 {
	people, walls := b.tones(img)
	people.fill()
	walls.fill()
	pull := make([]float32, len(b.at))
	for n, i := range b.at {
		x, y := i%b.w, i/b.w
		cx, cy := (float32(x)+.5)/cellSide, (float32(y)+.5)/cellSide
		f, w := people.between(cx, cy), walls.between(cx, cy)
		if f[0] == 0 || w[0] == 0 {
			continue
		}
		person, personVar := f.mean()
		wall, wallVar := w.mean()
		c := colour(img, x, y)
		var off, apart float32
		for ch := range 3 {
			off += (c[ch] - wall[ch]) * (c[ch] - wall[ch])
			apart += (person[ch] - wall[ch]) * (person[ch] - wall[ch])
		}
		like := max(1-off/(8*wallVar), 0)
		like *= like
		like *= like
		like *= like // about exp(-off/wallVar)
		sure := apart / (apart + separation*(personVar+wallVar))
		pull[n] = backdropPull * sure * sure * like
		same := alike / (alike + apart)
		b.trust[n] += trustAlike * same * same
	}
	return pull
}

// tones collects the colours of what is known, of one in four pixels.
func (b *band) tones(img *image.RGBA) (people, walls *tones) {
	w, h := (b.w+cellSide-1)/cellSide, (b.h+cellSide-1)/cellSide
	people, walls = &tones{w, h, make([]tone, w*h)}, &tones{w, h, make([]tone, w*h)}
	for y := 0; y < b.h; y += 2 {
		for x := 0; x < b.w; x += 2 {
			kind := walls
			switch b.known[y*b.w+x] {
			case unknown:
				continue
			case person:
				kind = people
			}
			c := colour(img, x, y)
			kind.at[y/cellSide*w+x/cellSide].add(&tone{1, c[0], c[1], c[2], c[0]*c[0] + c[1]*c[1] + c[2]*c[2]}, 1)
		}
	}
	for i := range people.at {
		people.at[i].limit()
		walls.at[i].limit()
	}
	return people, walls
}

func colour(img *image.RGBA, x, y int) [3]float32 {
	p := img.Pix[img.PixOffset(img.Rect.Min.X+x, img.Rect.Min.Y+y):]
	return [3]float32{float32(p[0]) / 255, float32(p[1]) / 255, float32(p[2]) / 255}
}
