package jpegdec

import (
	"encoding/binary"
	"math/bits"
)

// bitReader reads a scan, the highest bit first. Behind the last byte before a marker it reads
// zeros, and knows of it: see short.
type bitReader struct {
	data   []byte
	pos    int
	held   uint64 // the next n bits, at the top
	n      int
	padded int // bits that were made up
}

// fill makes n at least 56. It is below 32 before.
func (r *bitReader) fill() {
	if r.pos+8 <= len(r.data) {
		// Eight bytes at once, unless there is a 0xff among them. What does not fit into held
		// whole is read again, to the same place.
		v := binary.BigEndian.Uint64(r.data[r.pos:])
		const low, high = 0x0101010101010101, 0x8080808080808080
		if x := ^v; (x-low)&v&high == 0 {
			r.held |= v >> (r.n & 63)
			r.pos += (63 - r.n) >> 3
			r.n |= 56
			return
		}
	}
	for r.n <= 56 {
		var b byte
		switch {
		case r.pos < len(r.data) && r.data[r.pos] != 0xff:
			b = r.data[r.pos]
			r.pos++
		case r.pos+1 < len(r.data) && r.data[r.pos+1] == 0:
			b = 0xff
			r.pos += 2
		default:
			r.padded += 8
		}
		r.held |= uint64(b) << (56 - r.n)
		r.n += 8
	}
}

// short tells whether more bits were read than there are.
func (r *bitReader) short() bool { return r.padded > r.n }

// skip drops n bits, which are held.
func (r *bitReader) skip(n int) {
	r.held <<= n & 63
	r.n -= n
}

// bits reads n bits, 0 to 16.
func (r *bitReader) bits(n int) int32 {
	if r.n < n {
		r.fill()
	}
	v := int32(bits.RotateLeft64(r.held, n) & (1<<n - 1))
	r.skip(n)
	return v
}

// extended reads a value of n bits, 0 to 16 (T.81, F.2.2.1).
func (r *bitReader) extended(n int) int32 {
	v := r.bits(n)
	if n > 0 && v < 1<<(n-1) {
		v -= 1<<n - 1
	}
	return v
}

// symbol reads a code.
func (r *bitReader) symbol(h *huffman) (s byte, ok bool) {
	if r.n < 16 {
		r.fill()
	}
	if e := h.look[r.held>>(64-lookBits)]; e != 0 {
		r.skip(int(e & 0xff))
		return byte(e >> 8), true
	}
	s, n, ok := h.long(uint32(r.held >> 48))
	r.skip(n)
	return s, ok
}

// restart goes on behind restart marker number i. What stands before it is passed by, unless it is
// another marker.
func (r *bitReader) restart(i int) bool {
	if r.short() {
		return false
	}
	for r.pos+1 < len(r.data) {
		mark := r.data[r.pos+1]
		if r.data[r.pos] != 0xff || mark == 0 || mark == 0xff {
			r.pos++
			continue
		}
		if mark != markRST0+byte(i&7) {
			return false
		}
		*r = bitReader{data: r.data, pos: r.pos + 2}
		return true
	}
	return false
}
