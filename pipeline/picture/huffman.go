package picture

import (
	"cmp"
	"slices"
)

// huffman is a code for the symbols of one kind in one picture.
type huffman struct {
	lengths [maxCode + 1]int // how many codes have so many bits
	symbols []byte           // the most frequent first, which is the order of their codes
	code    [256]uint16
	length  [256]uint8
}

// maxCode is the longest code, in bits, that a JPEG may have.
const maxCode = 16

// newHuffman returns the shortest code for symbols that occur so often, at least one of them.
func newHuffman(counts *[256]uint32) *huffman {
	h := new(huffman)
	for s, n := range counts {
		if n > 0 {
			h.symbols = append(h.symbols, byte(s))
		}
	}
	slices.SortFunc(h.symbols, func(a, b byte) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	h.lengths = codeLengths(h.symbols, counts)
	code, next := uint16(0), 0
	for bits := 1; bits <= maxCode; bits++ {
		for range h.lengths[bits] {
			s := h.symbols[next]
			h.code[s], h.length[s] = code, uint8(bits)
			code, next = code+1, next+1
		}
		code <<= 1
	}
	return h
}

// codeLengths returns how many codes have each length. It merges the two rarest groups of symbols
// until one is left (Huffman, 1952); merged groups come in order, so that two queues do.
//
// A code of nothing but ones is forbidden: one more symbol that never occurs takes it, and leaves
// in the end.
func codeLengths(symbols []byte, counts *[256]uint32) (lengths [maxCode + 1]int) {
	n := len(symbols) + 1
	weight, parent, depth := make([]uint64, 2*n-1), make([]int, 2*n-1), make([]int, 2*n-1)
	for i, s := range symbols {
		weight[n-1-i] = uint64(counts[s]) // the rarest first, behind the one that never occurs
	}
	leaf, group := 0, n
	for made := n; made < 2*n-1; made++ {
		for range 2 {
			k := &leaf
			if leaf == n || group < made && weight[group] < weight[leaf] {
				k = &group
			}
			weight[made] += weight[*k]
			parent[*k] = made
			*k++
		}
	}
	var deep [64]int // a tree of 2^32 symbols is less than 48 deep
	for k := 2*n - 3; k >= 0; k-- {
		depth[k] = depth[parent[k]] + 1
		if k < n {
			deep[depth[k]]++
		}
	}
	return shortened(&deep)
}

// shortened brings codes of more than 16 bits down (ISO/IEC 10918-1, figure K.3): of two such
// siblings, one takes their common beginning, the other shares that of a shorter code. Then the last
// of the longest goes, which is the one of nothing but ones.
func shortened(deep *[64]int) (lengths [maxCode + 1]int) {
	for bits := len(deep) - 1; bits > maxCode; bits-- {
		for deep[bits] > 0 {
			short := bits - 2
			for deep[short] == 0 {
				short--
			}
			deep[bits] -= 2
			deep[bits-1]++
			deep[short]--
			deep[short+1] += 2
		}
	}
	copy(lengths[:], deep[:])
	for bits := maxCode; ; bits-- {
		if lengths[bits] > 0 {
			lengths[bits]--
			return lengths
		}
	}
}

// appendTable appends the segment that defines h as table id.
func (h *huffman) appendTable(b []byte, id byte) []byte {
	b = append(b, 0xff, markDHT, 0, byte(19+len(h.symbols)), id)
	for _, n := range h.lengths[1:] {
		b = append(b, byte(n))
	}
	return append(b, h.symbols...)
}
