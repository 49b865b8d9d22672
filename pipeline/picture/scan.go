package picture

import "math/bits"

// The example tables of ISO/IEC 10918-1, K.1, row by row: how coarsely each frequency may be kept.
// A quality means what it means elsewhere only with these.
var (
	lumaSteps = [64]int{
		16, 11, 10, 16, 24, 40, 51, 61,
		12, 12, 14, 19, 26, 58, 60, 55,
		14, 13, 16, 24, 40, 57, 69, 56,
		14, 17, 22, 29, 51, 87, 80, 62,
		18, 22, 37, 56, 68, 109, 103, 77,
		24, 35, 55, 64, 81, 104, 113, 92,
		49, 64, 78, 87, 103, 121, 120, 101,
		72, 92, 95, 98, 112, 100, 103, 99,
	}
	chromaSteps = [64]int{
		17, 18, 24, 47, 99, 99, 99, 99,
		18, 21, 26, 66, 99, 99, 99, 99,
		24, 26, 56, 99, 99, 99, 99, 99,
		47, 66, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
		99, 99, 99, 99, 99, 99, 99, 99,
	}
)

// stepsAt returns a table in zigzag order, scaled as the Independent JPEG Group's software does.
func stepsAt(table *[64]int, quality int) (steps [64]uint8) {
	scale := 200 - 2*quality
	if quality < 50 {
		scale = 5000 / quality
	}
	for k, at := range zigzag {
		steps[k] = uint8(min(max((table[at]*scale+50)/100, 1), 255))
	}
	return steps
}

// quantiser divides coefficients by one table's steps, by multiplication.
type quantiser [64]struct {
	half    uint32 // of the step, in a coefficient's units
	inverse uint64 // of the step, in 1/2^27
}

// inverseBits make the quotient exact: coefficients have 15 bits, steps in their units 11.
const inverseBits = 27

func newQuantiser(steps *[64]uint8) *quantiser {
	q := new(quantiser)
	for k, s := range steps {
		d := 8 * uint64(s)
		q[k].half, q[k].inverse = uint32(d/2), (1<<inverseBits+d-1)/d
	}
	return q
}

// token is one thing a scan says: a symbol to be coded by Huffman's method, and bits behind it.
// Symbols are those of ISO/IEC 10918-1, F.1.2: zeros before, and length of, the value.
type token uint32

func newToken(symbol, value int, n int) token { return token(symbol<<16 | value&(1<<n-1)) }

func (t token) symbol() int { return int(t >> 16) }
func (t token) bits() (value uint32, n int) {
	return uint32(t & 0xffff), int(t>>16) & 15
}

// Symbols without a value.
const (
	endOfBlock = 0x00
	zeros16    = 0xf0
)

// scan is a picture at one quality, before its symbols are coded.
type scan struct {
	*spectrum
	steps  [2][64]uint8 // of brightness and colours
	tokens []token
	ends   []int             // of each block within tokens
	counts [2][2][256]uint32 // of symbols: brightness and colours; means and the rest
}

func (s *spectrum) scan(quality int) *scan {
	sc := &scan{spectrum: s, ends: make([]int, len(s.blocks))}
	sc.steps = [2][64]uint8{stepsAt(&lumaSteps, quality), stepsAt(&chromaSteps, quality)}
	by := [2]*quantiser{newQuantiser(&sc.steps[0]), newQuantiser(&sc.steps[1])}
	sc.tokens = make([]token, 0, 8*len(s.blocks))
	var mean [3]int
	for i := range s.blocks {
		channel := s.unit[i%len(s.unit)]
		table := min(channel, 1)
		mean[channel] = sc.add(&s.blocks[i], by[table], mean[channel], &sc.counts[table])
		sc.ends[i] = len(sc.tokens)
	}
	return sc
}

// add appends one block's tokens. Its mean is told as the difference from before, the last one of
// its channel, and returned.
func (sc *scan) add(b *block, q *quantiser, before int, counts *[2][256]uint32) (mean int) {
	tokens := sc.tokens
	mean = q.divide(b, 0)
	n, value := magnitude(mean - before)
	tokens = append(tokens, newToken(n, value, n))
	counts[0][n]++
	run := 0
	for k := 1; k < 64; k++ {
		v := q.divide(b, k)
		if v == 0 {
			run++
			continue
		}
		for ; run > 15; run -= 16 {
			tokens = append(tokens, newToken(zeros16, 0, 0))
			counts[1][zeros16]++
		}
		n, value := magnitude(v)
		tokens = append(tokens, newToken(run<<4|n, value, n))
		counts[1][run<<4|n]++
		run = 0
	}
	if run > 0 {
		tokens = append(tokens, newToken(endOfBlock, 0, 0))
		counts[1][endOfBlock]++
	}
	sc.tokens = tokens
	return mean
}

// divide returns coefficient k of b in steps, rounded to the nearest, halves away from zero.
func (q *quantiser) divide(b *block, k int) int {
	c, d := int32(b[k]), &q[k]
	sign := c >> 31
	size := uint32((c ^ sign) - sign)
	if size < d.half { // most are
		return 0
	}
	v := int32(uint64(size+d.half) * d.inverse >> inverseBits)
	return int((v ^ sign) - sign)
}

// magnitude returns how many bits v takes and those bits: of v, or of v-1 if it is negative.
func magnitude(v int) (n, value int) {
	if v < 0 {
		return bits.Len(uint(-v)), v - 1
	}
	return bits.Len(uint(v)), v
}

// encode writes the file of img's spectrum at one quality.
func (s *spectrum) encode(quality, dpi int) []byte {
	sc := s.scan(quality)
	out := JPEGHead(dpi)
	out = sc.appendFrame(out)
	var codes [2][2]*huffman
	for table := range codes {
		for kind := range codes[table] {
			codes[table][kind] = newHuffman(&sc.counts[table][kind])
			out = codes[table][kind].appendTable(out, byte(kind<<4|table))
		}
	}
	out = append(out, 0xff, markSOS, 0, 12, 3, 1, 0x00, 2, 0x11, 3, 0x11, 0, 63, 0)
	out = sc.appendTokens(out, &codes)
	return append(out, 0xff, markEOI)
}

// appendFrame appends the quantisation tables and the frame's header.
func (sc *scan) appendFrame(b []byte) []byte {
	b = append(b, 0xff, markDQT, 0, 2+2*65)
	for i := range sc.steps {
		b = append(append(b, byte(i)), sc.steps[i][:]...)
	}
	sampling := byte(sc.chroma.step() * 0x11)
	return append(b, 0xff, markSOF0, 0, 17, 8, byte(sc.h>>8), byte(sc.h), byte(sc.w>>8), byte(sc.w),
		3, 1, sampling, 0, 2, 0x11, 1, 3, 0x11, 1)
}

// appendTokens codes the scan.
func (sc *scan) appendTokens(b []byte, codes *[2][2]*huffman) []byte {
	w := scanWriter{out: b}
	from := 0
	for i, end := range sc.ends {
		c := codes[min(sc.unit[i%len(sc.unit)], 1)]
		code := c[0]
		for _, t := range sc.tokens[from:end] {
			s := t.symbol()
			w.write(uint32(code.code[s]), int(code.length[s]))
			w.write(t.bits())
			code = c[1]
		}
		from = end
	}
	return w.flush()
}

// scanWriter collects bits, the highest first, and hides what could be taken for a marker.
type scanWriter struct {
	out  []byte
	held uint64
	n    int
}

// write takes the n lowest bits of v, at most 16.
func (w *scanWriter) write(v uint32, n int) {
	w.held = w.held<<n | uint64(v)
	w.n += n
	for w.n >= 32 {
		w.n -= 8
		w.put(byte(w.held >> w.n))
		w.n -= 8
		w.put(byte(w.held >> w.n))
	}
}

func (w *scanWriter) put(b byte) {
	w.out = append(w.out, b)
	if b == 0xff {
		w.out = append(w.out, 0)
	}
}

// flush fills the last byte with ones.
func (w *scanWriter) flush() []byte {
	for ; w.n >= 8; w.n -= 8 {
		w.put(byte(w.held >> (w.n - 8)))
	}
	if w.n > 0 {
		w.put(byte(w.held<<(8-w.n)) | byte(0xff>>w.n))
	}
	return w.out
}
