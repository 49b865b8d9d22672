package picture

import (
	"bytes"
	"image"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"
)

// Every size from 1 x 1 to 18 x 18 is decoded by image/jpeg to about the same pixels: blocks that
// stand out of the picture on either side are where encoders go wrong.
func TestSmallPicturesOfEverySize(t *testing.T) {
	for _, c := range []Chroma{FullChroma, HalfChroma} {
		for h := 1; h <= 18; h++ {
			for w := 1; w <= 18; w++ {
				m := scene(w, h)
				got, err := jpeg.Decode(bytes.NewReader(newSpectrum(m, c).encode(98, 300)))
				if err != nil {
					t.Fatalf("%v, %d x %d: %v", c, w, h, err)
				}
				// Halved chroma has one colour for what differs by up to 150 levels.
				limit := 2.
				if c == HalfChroma {
					limit = 25
				}
				if d := meanDiff(slowReduce(got, 1, got.Bounds(), 1), m); got.Bounds() != m.Rect || d > limit {
					t.Errorf("%v, %d x %d: %v, off by %.2f", c, w, h, got.Bounds(), d)
				}
			}
		}
	}
}

func TestChromaIsAsFineAsItSays(t *testing.T) {
	for c, want := range map[Chroma]image.YCbCrSubsampleRatio{
		FullChroma: image.YCbCrSubsampleRatio444, HalfChroma: image.YCbCrSubsampleRatio420,
	} {
		got, err := jpeg.Decode(bytes.NewReader(newSpectrum(scene(50, 40), c).encode(90, 300)))
		if err != nil {
			t.Fatal(err)
		}
		if r := got.(*image.YCbCr).SubsampleRatio; r != want {
			t.Errorf("%v is written as %v", c, r)
		}
	}
}

// Noise at every quality has values of every length behind runs of every length, and at quality 100
// codes that have to be shortened to 16 bits.
func TestNoiseAtEveryQuality(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 61, 47))
	r := rand.New(rand.NewPCG(3, 4))
	for i := range m.Pix {
		m.Pix[i] = byte(r.Uint32()) | byte(i%4/3*255)
		if i > len(m.Pix)/2 && i%4 < 3 { // the lower half is nearly flat
			m.Pix[i] = 100 + m.Pix[i]/64
		}
	}
	s := newSpectrum(m, FullChroma)
	last := math.Inf(1)
	for q := 1; q <= 100; q++ {
		got, err := jpeg.Decode(bytes.NewReader(s.encode(q, 300)))
		if err != nil {
			t.Fatalf("quality %d: %v", q, err)
		}
		d := meanDiff(slowReduce(got, 1, got.Bounds(), 1), m)
		if d > last+3 {
			t.Errorf("quality %d: off by %.2f, at one less %.2f", q, d, last)
		}
		last = d
	}
	if last > 1 {
		t.Errorf("at quality 100 off by %.2f, want at most 1", last)
	}
}

// Steps are those of image/jpeg, which takes the same formula from the same place.
func TestStepsAreThoseOfOthers(t *testing.T) {
	for _, q := range []int{1, 30, 49, 50, 75, 95, 100} {
		var b bytes.Buffer
		if err := jpeg.Encode(&b, scene(8, 8), &jpeg.Options{Quality: q}); err != nil {
			t.Fatal(err)
		}
		theirs, _ := tables(t, b.Bytes())
		ours, _ := tables(t, newSpectrum(scene(8, 8), FullChroma).encode(q, 300))
		if !bytes.Equal(theirs, ours) {
			t.Errorf("quality %d: quantisation tables differ", q)
		}
	}
}

// tables returns the bodies of a file's quantisation and Huffman tables.
func tables(t *testing.T, data []byte) (steps, codes []byte) {
	marks, bodies, _ := jpegSegments(t, data)
	for i, m := range marks {
		switch m {
		case markDQT:
			steps = append(steps, bodies[i]...)
		case markDHT:
			codes = append(codes, bodies[i]...)
		}
	}
	return steps, codes
}

func TestHuffmanCodesAreShortestAndLegal(t *testing.T) {
	fibonacci := [256]uint32{1, 1}
	for i := 2; i < 40; i++ { // the deepest tree there is
		fibonacci[i] = fibonacci[i-1] + fibonacci[i-2]
	}
	var even, skewed [256]uint32
	r := rand.New(rand.NewPCG(5, 6))
	for i := range even {
		even[i], skewed[i] = 7, 1+uint32(math.Exp(12*r.Float64()))
	}
	for name, counts := range map[string]*[256]uint32{
		"one symbol": {3: 9}, "two": {3: 9, 200: 1}, "fibonacci": &fibonacci, "even": &even, "skewed": &skewed,
	} {
		h := newHuffman(counts)
		var total, spent, entropy float64
		for _, n := range counts {
			total += float64(n)
		}
		kraft := 0.
		seen := map[[2]int]bool{}
		for s, n := range counts {
			l := int(h.length[s])
			if (n > 0) != (l > 0) || l > maxCode {
				t.Fatalf("%s: symbol %d occurs %d times and has %d bits", name, s, n, l)
			}
			if n == 0 {
				continue
			}
			code := [2]int{l, int(h.code[s])}
			if seen[code] || code[1] == 1<<l-1 || code[1] >= 1<<l {
				t.Errorf("%s: symbol %d has code %b of %d bits", name, s, code[1], l)
			}
			seen[code] = true
			kraft += math.Pow(2, -float64(l))
			spent += float64(n) * float64(l)
			entropy += float64(n) * math.Log2(total/float64(n))
		}
		if kraft >= 1 {
			t.Errorf("%s: codes fill %.6f of the space, want less than all", name, kraft)
		}
		// Huffman's code is within a bit of the entropy; the code that is left out costs little.
		if spent > entropy+1.1*total {
			t.Errorf("%s: %.2f bits a symbol, entropy %.2f", name, spent/total, entropy/total)
		}
	}
}

// The transform is held against its definition (ISO/IEC 10918-1, A.3.3).
func TestTransformIsTheDCT(t *testing.T) {
	p := newYCCPlane(8, 8)
	r := rand.New(rand.NewPCG(9, 9))
	for range 50 {
		for i := range p.v {
			p.v[i] = int16(r.IntN(255*16) - 128*16)
		}
		var b block
		p.transform(0, 0, &b)
		for k, at := range zigzag {
			v, u := at/8, at%8
			want := 0.
			for y := range 8 {
				for x := range 8 {
					want += float64(p.v[8*y+x]) / 16 * math.Cos(float64(2*x+1)*float64(u)*math.Pi/16) * math.Cos(float64(2*y+1)*float64(v)*math.Pi/16)
				}
			}
			for _, f := range []int{u, v} {
				if want /= 2; f == 0 {
					want /= math.Sqrt2
				}
			}
			if got := float64(b[k]) / 8; math.Abs(got-want) > .2 {
				t.Fatalf("coefficient (%d, %d) = %.3f, want %.3f", u, v, got, want)
			}
		}
	}
}
