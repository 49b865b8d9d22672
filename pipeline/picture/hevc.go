package picture

import (
	"encoding/binary"
	"math/bits"
)

// spsUnit is the type of the HEVC unit (ITU-T H.265, 7.4.2.2) that says how large pictures are.
const spsUnit = 33

// hevcSize reads the coded size from a sequence parameter set, without the two bytes of its unit
// header. Decoders reserve memory by this size, whatever the file around it claims.
func hevcSize(sps []byte) (width, height int64, ok bool) {
	r := bitReader{data: unescape(sps)}
	r.skip(4)
	subLayers := r.bits(3) // beyond the first
	r.skip(1)
	r.skip(88 + 8) // general profile, tier and level
	var profile, level [8]bool
	for i := range subLayers {
		profile[i], level[i] = r.bits(1) == 1, r.bits(1) == 1
	}
	if subLayers > 0 {
		r.skip(2 * int(8-subLayers))
	}
	for i := range subLayers {
		if profile[i] {
			r.skip(88)
		}
		if level[i] {
			r.skip(8)
		}
	}
	r.golomb() // id
	if r.golomb() == 3 {
		r.skip(1)
	}
	width, height = int64(r.golomb()), int64(r.golomb())
	return width, height, !r.short && width > 0 && height > 0
}

// unescape removes the bytes that keep start codes out of a unit. The size stands near the
// front: a few hundred bytes are enough.
func unescape(data []byte) []byte {
	data = data[:min(len(data), 512)]
	out := make([]byte, 0, len(data))
	zeros := 0
	for _, b := range data {
		if zeros >= 2 && b == 3 {
			zeros = 0
			continue
		}
		out = append(out, b)
		if b == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return out
}

// bitReader reads bits from the highest of each byte on; past the end it gives zeros and sets short.
type bitReader struct {
	data  []byte
	pos   int // in bits
	short bool
}

func (r *bitReader) skip(n int) {
	if r.pos += n; r.pos > 8*len(r.data) {
		r.short = true
	}
}

func (r *bitReader) bits(n int) uint32 {
	var v uint32
	for range n {
		v <<= 1
		if i := r.pos / 8; i < len(r.data) {
			v |= uint32(r.data[i]>>(7-r.pos%8)) & 1
		}
		r.skip(1)
	}
	return v
}

// golomb reads an unsigned Exp-Golomb number.
func (r *bitReader) golomb() uint32 {
	zeros := 0
	for r.bits(1) == 0 {
		if zeros++; zeros > 31 || r.short {
			r.short = true
			return 0
		}
	}
	return uint32(1<<zeros-1) + r.bits(zeros)
}

// hevcConfig checks the parameter sets in an hvcC record with size, and that units in the
// pictures have lengths of four bytes, as the decoder takes them to have.
func hevcConfig(record []byte, size func(w, h int64) error) error {
	f := fields{data: record}
	f.bytes(21)
	if lengthSize := f.uint(1)&3 + 1; lengthSize != 4 {
		return unsupported("HEIC with unit lengths of %d bytes", lengthSize)
	}
	for range f.uint(1) {
		kind := f.uint(1) & 0x3f
		for range f.uint(2) {
			unit := f.bytes(int(f.uint(2)))
			if f.short {
				break
			}
			if kind == spsUnit || isSPS(unit) {
				if err := checkSPS(unit, size); err != nil {
					return err
				}
			}
		}
	}
	if f.short {
		return broken("HEIC decoder configuration ends early")
	}
	return nil
}

// hevcUnits checks parameter sets that stand among the pixels.
func hevcUnits(data []byte, size func(w, h int64) error) error {
	for len(data) >= 4 {
		n := int64(binary.BigEndian.Uint32(data))
		if n > int64(len(data)-4) {
			return broken("HEIC unit of %d bytes", n)
		}
		unit := data[4 : 4+n]
		if isSPS(unit) {
			if err := checkSPS(unit, size); err != nil {
				return err
			}
		}
		data = data[4+n:]
	}
	return nil
}

func isSPS(unit []byte) bool { return len(unit) > 2 && unit[0]>>1&0x3f == spsUnit }

func checkSPS(unit []byte, size func(w, h int64) error) error {
	if len(unit) < 2 {
		return broken("HEIC parameter set of %d bytes", len(unit))
	}
	w, h, ok := hevcSize(unit[2:])
	if !ok || bits.Len64(uint64(w)) > 31 || bits.Len64(uint64(h)) > 31 {
		return broken("HEIC parameter set that cannot be read")
	}
	return size(w, h)
}
