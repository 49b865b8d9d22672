package jpegdec

// lookBits are looked up at once: nearly all codes are that short.
const lookBits = 10

// huffman is a table of codes.
type huffman struct {
	// look has, for the next lookBits bits, symbol<<8 | length, or 0 where the code is longer.
	look [1 << lookBits]uint16

	// value has it together with the bits behind it, where all of them are within lookBits:
	// coefficient<<16 | zeros before it<<8 | bits in all; or 0.
	value [1 << lookBits]int32

	symbols []byte
	limit   [18]uint32 // by length: the first code, in 16 bits, that is longer
	offset  [17]int    // by length: index of a symbol less its code
}

// readHuffman reads a segment of tables (T.81, B.2.4.2 and C.2).
func (d *decoder) readHuffman(b []byte) error {
	for len(b) > 0 {
		if len(b) < 17 || b[0]>>4 > 1 || b[0]&15 > 3 {
			return broken("Huffman table")
		}
		n := 0
		for _, c := range b[1:17] {
			n += int(c)
		}
		if n == 0 || n > 256 || len(b) < 17+n {
			return broken("Huffman table of %d codes", n)
		}
		h := &huffman{symbols: b[17 : 17+n]}
		if !h.number(b[1:17]) {
			return broken("Huffman table with too many codes of a length")
		}
		h.lookAhead()
		d.huff[b[0]>>4][b[0]&15] = h
		b = b[17+n:]
	}
	return nil
}

// number gives out the codes; false where there are more than there can be.
func (h *huffman) number(counts []byte) bool {
	code, next := 0, 0
	for i, count := range counts {
		length := i + 1
		h.offset[length] = next - code
		for range count {
			if code >= 1<<length {
				return false
			}
			if length <= lookBits {
				first := code << (lookBits - length)
				for k := range 1 << (lookBits - length) {
					h.look[first+k] = uint16(h.symbols[next])<<8 | uint16(length)
				}
			}
			code, next = code+1, next+1
		}
		h.limit[length] = uint32(code) << (16 - length)
		code <<= 1
	}
	h.limit[17] = 1 << 16
	return true
}

// lookAhead fills value.
func (h *huffman) lookAhead() {
	for i, e := range h.look {
		length, symbol := int(e&0xff), int(e>>8)
		run, size := symbol>>4, symbol&15
		if e == 0 || size == 0 || length+size > lookBits {
			continue
		}
		v := int32(i) >> (lookBits - length - size) & (1<<size - 1)
		if v < 1<<(size-1) {
			v -= 1<<size - 1
		}
		h.value[i] = v<<16 | int32(run)<<8 | int32(length+size)
	}
}

// long decodes a code that look does not have. next16 are the bits to come.
func (h *huffman) long(next16 uint32) (symbol byte, length int, ok bool) {
	length = lookBits + 1
	for next16 >= h.limit[length] {
		length++
	}
	if length > 16 {
		return 0, 0, false
	}
	return h.symbols[int(next16>>(16-length))+h.offset[length]], length, true
}
