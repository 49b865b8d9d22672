package picture

import (
	"fmt"
	"image"
	"math"

	"idphoto/pipeline/fault"
)

// SizeRange is how large a file may be. Whether a KB has 1000 or 1024 bytes, portals rarely say.
type SizeRange struct {
	MinKB float64 `json:"min_kb,omitzero"`
	MaxKB float64 `json:"max_kb,omitzero"` // 0: open above
}

// Fitted says how a file came to its size.
type Fitted struct {
	Quality int
	Chroma  Chroma
	Bytes   int

	// Binary says that the file lies within the range only when a KB has 1024 bytes: the range, or
	// what lies between two qualities, left no size that satisfies both readings.
	Binary bool
}

// MinQuality is the coarsest JPEG that FitJPEG makes: below it, blocks show on skin at arm's length.
const MinQuality = 30

// fullChromaFrom is the quality down to which full chroma looks better than halved chroma in a file
// of the same size. Above it the difference is the rim of a red or blue background, below it blocks
// on skin show first.
const fullChromaFrom = 60

// Validate refuses a range that means nothing. One that holds no file is none of its business.
func (r SizeRange) Validate() error {
	if !(r.MinKB >= 0) || !(r.MaxKB >= 0) || math.IsInf(r.MinKB, 1) || r.MaxKB > 0 && r.MaxKB < r.MinKB {
		return fmt.Errorf("file size: no range from %v to %v KB", r.MinKB, r.MaxKB)
	}
	return nil
}

// AtMostCompressed narrows r so that a file of w x h pixels is at most ratio times smaller than its
// pixels at 24 bits, which some portals demand.
func (r SizeRange) AtMostCompressed(w, h int, ratio float64) SizeRange {
	r.MinKB = max(r.MinKB, 3*float64(w)*float64(h)/ratio/1024)
	return r
}

// byteRange is a SizeRange in one reading, both ends included.
type byteRange struct{ min, max int }

func (b byteRange) holds(n int) bool { return b.min <= n && n <= b.max }

// off returns how many bytes n is outside.
func (b byteRange) off(n int) int { return max(b.min-n, n-b.max, 0) }

// bytes returns r where a KB has low bytes at its lower end and high ones at its upper.
func (r SizeRange) bytes(low, high float64) byteRange {
	b := byteRange{int(math.Ceil(r.MinKB * low)), math.MaxInt}
	if m := math.Floor(r.MaxKB * high); r.MaxKB > 0 && m < math.MaxInt {
		b.max = int(m)
	}
	return b
}

// FitJPEG encodes img, which is opaque sRGB, as EncodeJPEG does, at the highest quality up to
// maxQuality that gives a file within want: with full chroma, or, where that would take a quality
// below asked (what somebody asks for; 0: nobody does) or fullChromaFrom, with halved chroma. Only
// quality and chroma are changed; nothing is added to reach a size.
//
// The size satisfies both readings of KB if any file does, else that of 1024 bytes. Where none does,
// the error is a *fault.Error of code SizeUnreachable whose nearest_kb (of 1024 bytes) is the size
// that comes nearest, and fit describes that file: a larger one needs more pixels, a smaller one
// fewer.
func FitJPEG(img *image.RGBA, dpi int, want SizeRange, asked, maxQuality int) (data []byte, fit Fitted, err error) {
	if maxQuality < MinQuality || maxQuality > 100 {
		return nil, fit, fmt.Errorf("fitting JPEG: quality %d is not within %d-100", maxQuality, MinQuality)
	}
	if err := jpegHolds(img, dpi); err != nil {
		return nil, fit, err
	}
	if err := want.Validate(); err != nil {
		return nil, fit, err
	}
	f := &fitter{img: img, dpi: dpi, full: min(max(asked, fullChromaFrom), maxQuality), max: maxQuality}
	binary := want.bytes(1024, 1024)
	for _, b := range []byteRange{want.bytes(1024, 1000), binary} {
		if fit, ok := f.search(b); ok {
			fit.Binary = b == binary && want.MaxKB > 0
			return f.files[fit.Chroma][fit.Quality], fit, nil
		}
	}
	fit = f.nearest(binary)
	if binary.holds(fit.Bytes) { // only where a file shrinks as quality grows, see largest
		fit.Binary = true
		return f.files[fit.Chroma][fit.Quality], fit, nil
	}
	nearest := math.Round(float64(fit.Bytes)/1024*100) / 100
	return nil, fit, fault.New(fault.SizeUnreachable, nil, "min_kb", want.MinKB, "max_kb", want.MaxKB, "nearest_kb", nearest)
}

// fitter remembers what was encoded.
type fitter struct {
	img     *image.RGBA
	dpi     int
	full    int // quality from which on full chroma is better
	max     int // quality
	spectra [2]*spectrum
	files   [2][101][]byte // by chroma and quality
}

// size encodes at one quality and returns how many bytes that takes.
func (f *fitter) size(c Chroma, quality int) int {
	file := &f.files[c][quality]
	if *file == nil {
		if f.spectra[c] == nil {
			f.spectra[c] = newSpectrum(f.img, c)
		}
		*file = f.spectra[c].encode(quality, f.dpi)
	}
	return len(*file)
}

// search returns the first file that fits of those with full chroma at a quality that suits it, with
// halved chroma, and with full chroma at the rest: the best quality of each first.
func (f *fitter) search(b byteRange) (Fitted, bool) {
	for _, t := range []struct {
		chroma Chroma
		lo, hi int
	}{
		{FullChroma, f.full, f.max},
		{HalfChroma, MinQuality, f.max},
		{FullChroma, MinQuality, min(f.max, f.full-1)},
	} {
		if q := f.largest(t.chroma, t.lo, t.hi, b.max); q > 0 && b.holds(f.size(t.chroma, q)) {
			return Fitted{Quality: q, Chroma: t.chroma, Bytes: f.size(t.chroma, q)}, true
		}
	}
	return Fitted{}, false
}

// largest returns the highest quality from lo to hi of at most limit bytes; 0: there is none. It
// halves the interval, since files grow with quality (without exception in 6720 steps on 48 photos).
func (f *fitter) largest(c Chroma, lo, hi, limit int) int {
	if lo > hi || f.size(c, lo) > limit {
		return 0
	}
	if f.size(c, hi) <= limit {
		return hi
	}
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; f.size(c, mid) <= limit {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// nearest returns the file whose size is least outside of b: of equals the better one. It looks
// around where files become too large, and at both ends.
func (f *fitter) nearest(b byteRange) (best Fitted) {
	const around = 3
	least := math.MaxInt
	for _, c := range []Chroma{FullChroma, HalfChroma} {
		edge := max(f.largest(c, MinQuality, f.max, b.max), MinQuality)
		for q := f.max; q >= MinQuality; q-- {
			if q != f.max && q != MinQuality && (q < edge-around || q > edge+around) {
				continue
			}
			if n := f.size(c, q); b.off(n) < least {
				least, best = b.off(n), Fitted{Quality: q, Chroma: c, Bytes: n}
			}
		}
	}
	return best
}
