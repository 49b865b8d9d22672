package picture

import "encoding/binary"

// box is one box of an ISO base media file (ISO/IEC 14496-12): a four-letter kind and its body.
type box struct {
	kind string
	body []byte
}

// eachBox calls f for the boxes in data until f returns an error. A box that goes beyond data is
// truncated, and so is a header that is cut.
func eachBox(data []byte, f func(b box) error) error {
	for len(data) > 0 {
		if len(data) < 8 {
			return cutShort("a HEIC box header")
		}
		size, head := int64(binary.BigEndian.Uint32(data)), int64(8)
		switch size {
		case 0: // to the end
			size = int64(len(data))
		case 1:
			if len(data) < 16 {
				return cutShort("a HEIC box header")
			}
			size, head = int64(binary.BigEndian.Uint64(data[8:])), 16
		}
		if size < head {
			return broken("HEIC box of %d bytes", size)
		}
		if size > int64(len(data)) {
			return cutShort("a HEIC box")
		}
		if err := f(box{string(data[4:8]), data[head:size]}); err != nil {
			return err
		}
		data = data[size:]
	}
	return nil
}

// fields reads big-endian fields one after the other. Reading past the end gives zeros and sets
// short, so that a caller checks once.
type fields struct {
	data  []byte
	short bool
}

func (f *fields) bytes(n int) []byte {
	if n < 0 || n > len(f.data) {
		f.short, f.data = true, nil
		return make([]byte, max(min(n, 8), 0))
	}
	b := f.data[:n]
	f.data = f.data[n:]
	return b
}

// uint reads a number of n bytes, 0 to 8.
func (f *fields) uint(n int) uint64 {
	var v uint64
	for _, b := range f.bytes(n) {
		v = v<<8 | uint64(b)
	}
	return v
}

// version reads the head of a full box: a version and flags of three bytes.
func (f *fields) version() (version, flags uint64) { return f.uint(1), f.uint(3) }
