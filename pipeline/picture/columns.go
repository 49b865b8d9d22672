package picture

import "encoding/binary"

// columns adds up rows of bytes column by column, eight columns at a time: the bytes of a word
// are spread over two words with room for 16 bits each. It is what makes Reduce fast.
type columns struct {
	lanes []uint64 // for each eight columns: those of even index, then those of odd index
	n     int      // columns
}

// maxWeight is how many times 255 fits 16 bits: more rows must be taken out before.
const maxWeight = 257

const evenBytes = 0x00ff00ff00ff00ff

func newColumns(n int) columns {
	return columns{lanes: make([]uint64, (n+7)/8*2), n: n}
}

// add adds one row, weight times.
func (c *columns) add(row []byte, weight uint64) {
	row = row[:c.n]
	whole := len(row) &^ 7
	lanes := c.lanes[: whole/4 : len(c.lanes)]
	for i := 0; i+1 < len(lanes); i += 2 {
		v := binary.LittleEndian.Uint64(row[4*i:])
		lanes[i] += weight * (v & evenBytes)
		lanes[i+1] += weight * (v >> 8 & evenBytes)
	}
	if whole < len(row) {
		var tail [8]byte
		copy(tail[:], row[whole:])
		v := binary.LittleEndian.Uint64(tail[:])
		c.lanes[whole/4] += weight * (v & evenBytes)
		c.lanes[whole/4+1] += weight * (v >> 8 & evenBytes)
	}
}

// add4 adds four rows once each; it loads and stores the sums a quarter as often as add.
func (c *columns) add4(a, b, d, e []byte) {
	a, b, d, e = a[:c.n], b[:c.n], d[:c.n], e[:c.n]
	whole := c.n &^ 7
	lanes := c.lanes[:whole/4]
	for i := 0; i+1 < len(lanes); i += 2 {
		j := 4 * i
		v0 := binary.LittleEndian.Uint64(a[j : j+8])
		v1 := binary.LittleEndian.Uint64(b[j : j+8])
		v2 := binary.LittleEndian.Uint64(d[j : j+8])
		v3 := binary.LittleEndian.Uint64(e[j : j+8])
		lanes[i] += v0&evenBytes + v1&evenBytes + v2&evenBytes + v3&evenBytes
		lanes[i+1] += v0>>8&evenBytes + v1>>8&evenBytes + v2>>8&evenBytes + v3>>8&evenBytes
	}
	if whole < c.n {
		for _, row := range [...][]byte{a, b, d, e} {
			var tail [8]byte
			copy(tail[:], row[whole:])
			v := binary.LittleEndian.Uint64(tail[:])
			c.lanes[whole/4] += v & evenBytes
			c.lanes[whole/4+1] += v >> 8 & evenBytes
		}
	}
}

// takePrefix writes the running sums of the columns to pre, pre[i] being that of the first i
// columns, and sets the sums to zero. len(pre) is at least the columns, rounded up to eight, + 1.
func (c *columns) takePrefix(pre []uint64) {
	var s uint64
	pre[0] = 0
	for i := 0; i+1 < len(c.lanes); i += 2 {
		even, odd := c.lanes[i], c.lanes[i+1]
		c.lanes[i], c.lanes[i+1] = 0, 0
		p := pre[4*i+1:][:8]
		p[0] = s + even&0xffff
		p[1] = p[0] + odd&0xffff
		p[2] = p[1] + even>>16&0xffff
		p[3] = p[2] + odd>>16&0xffff
		p[4] = p[3] + even>>32&0xffff
		p[5] = p[4] + odd>>32&0xffff
		p[6] = p[5] + even>>48
		p[7] = p[6] + odd>>48
		s = p[7]
	}
}

// takeSums writes the sums of the columns to dst and sets them to zero. dst is as long as pre.
func (c *columns) takeSums(dst []uint64) {
	for i := 0; i+1 < len(c.lanes); i += 2 {
		even, odd := c.lanes[i], c.lanes[i+1]
		c.lanes[i], c.lanes[i+1] = 0, 0
		d := dst[4*i:][:8]
		for k := range 4 {
			d[2*k], d[2*k+1] = even&0xffff, odd&0xffff
			even, odd = even>>16, odd>>16
		}
	}
}

// prefixLen is the length of pre that takePrefix wants for n columns.
func prefixLen(n int) int { return (n+7)/8*8 + 1 }

// mean divides sums by a count that changes rarely, without dividing: averages have 8 bits
// behind the point.
type mean struct {
	count   int
	inverse uint64 // 2^40/count, rounded
}

func (m *mean) setCount(n int) {
	if n != m.count {
		m.count, m.inverse = n, (1<<40+uint64(n)/2)/uint64(n)
	}
}

// of returns sum/count. As sum <= 255*count, the product stays below 2^48 + 2^8*count.
func (m *mean) of(sum uint64) int { return int(sum * m.inverse >> 32) }
