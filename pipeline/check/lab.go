package check

import (
	"math"
	"sync"
)

// lab is a colour in CIE L*a*b* (1976) under D65: L from 0 to 100; a towards red, b towards yellow.
type lab struct{ l, a, b float32 }

// deltaE is the colour difference CIE76: 2.3 is just noticeable, 10 is seen at a glance.
func (c lab) deltaE(d lab) float32 {
	l, a, b := c.l-d.l, c.a-d.a, c.b-d.b
	return float32(math.Sqrt(float64(l*l + a*a + b*b)))
}

const rootSteps = 1024

// labTables hold sRGB's decoding (IEC 61966-2-1) and CIE Lab's root: a power for each pixel would
// take longer than all measures.
var labTables = sync.OnceValue(func() *struct {
	linear [256]float32
	root   [rootSteps + 2]float32
} {
	t := new(struct {
		linear [256]float32
		root   [rootSteps + 2]float32
	})
	for i := range t.linear {
		v := float64(i) / 255
		if v <= .04045 {
			t.linear[i] = float32(v / 12.92)
		} else {
			t.linear[i] = float32(math.Pow((v+.055)/1.055, 2.4))
		}
	}
	// Indexed by the square root, along which Lab's root is nearly straight even in the shadows.
	for i := range t.root {
		s := float64(i) / rootSteps
		t.root[i] = float32(labRoot(s * s))
	}
	return t
})

func labRoot(v float64) float64 {
	const d = 6. / 29
	if v > d*d*d {
		return math.Cbrt(v)
	}
	return v/(3*d*d) + 4./29
}

// labOf converts a colour of sRGB; it is off by less than 0.2.
func labOf(r, g, b uint8) lab {
	t := labTables()
	lr, lg, lb := t.linear[r], t.linear[g], t.linear[b]
	root := func(v float32) float32 {
		s := float32(math.Sqrt(float64(min(max(v, 0), 1)))) * rootSteps
		i := int(s)
		return t.root[i] + (s-float32(i))*(t.root[i+1]-t.root[i])
	}
	x := root((.4124564*lr + .3575761*lg + .1804375*lb) / .95047)
	y := root(.2126729*lr + .7151522*lg + .0721750*lb)
	z := root((.0193339*lr + .1191920*lg + .9503041*lb) / 1.08883)
	return lab{116*y - 16, 500 * (x - y), 200 * (y - z)}
}
