package picture

import (
	"encoding/binary"
	"slices"
	"testing"

	"idphoto/pipeline/fault"
)

// bitWriter writes from the highest bit of each byte on.
type bitWriter struct {
	data []byte
	n    int
}

func (w *bitWriter) put(v uint64, bits int) {
	for i := bits - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.data = append(w.data, 0)
		}
		w.data[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

func (w *bitWriter) golomb(v uint64) {
	length := 0
	for (v+1)>>length != 0 {
		length++
	}
	w.put(0, length-1)
	w.put(v+1, length)
}

// spsOf is a sequence parameter set for pictures of w x h, up to what follows the size.
func spsOf(w, h uint64, subLayers int) []byte {
	b := &bitWriter{}
	b.put(spsUnit<<9, 16) // unit header
	b.put(0, 4)
	b.put(uint64(subLayers), 3)
	b.put(1, 1)
	b.put(0, 48) // profile, tier and level, whose zeros need no escape below
	b.put(0, 48)
	for range subLayers {
		b.put(3, 2) // both profile and level of this one follow
	}
	if subLayers > 0 {
		b.put(0, 2*(8-subLayers))
	}
	for range subLayers {
		b.put(0, 48)
		b.put(0, 48)
	}
	b.golomb(0)
	b.golomb(1) // 4:2:0
	b.golomb(w)
	b.golomb(h)
	b.put(0xff, 8)
	return escape(b.data)
}

// escape keeps start codes out of a unit.
func escape(data []byte) (out []byte) {
	zeros := 0
	for _, v := range data {
		if zeros >= 2 && v <= 3 {
			out, zeros = append(out, 3), 0
		}
		out = append(out, v)
		if zeros++; v != 0 {
			zeros = 0
		}
	}
	return out
}

func mkBox(kind string, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)+8))
	return append(append(b, kind...), body...)
}

func be16(v ...int) (b []byte) {
	for _, v := range v {
		b = binary.BigEndian.AppendUint16(b, uint16(v))
	}
	return b
}

func be32(v ...int) (b []byte) {
	for _, v := range v {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	return b
}

// testItem is an item of a file that mkHEIC writes.
type testItem struct {
	kind   string
	w, h   int    // of its ispe
	config []byte // the parameter set in its hvcC
	data   []byte
	tiles  []int
	extra  []byte // a further property
	pieces int    // in how many its data is listed; 0 is one
	beyond int    // how far its data reaches beyond the file
}

// mkHEIC writes a file of items numbered from 1; the first is the primary one.
func mkHEIC(brand string, items ...testItem) []byte {
	full := be32(0)
	infos, props, assoc, refs := be16(len(items)), []byte{}, be32(len(items)), []byte{}
	var locs, mdat []byte
	nProps := 0
	ftyp := mkBox("ftyp", []byte(brand), be32(0), []byte("mif1"))
	for i, it := range items {
		infos = append(infos, mkBox("infe", []byte{2, 0, 0, 0}, be16(i+1, 0), []byte(it.kind), []byte{0})...)
		list := []byte{}
		add := func(p []byte) {
			props = append(props, p...)
			nProps++
			list = append(list, byte(nProps))
		}
		add(mkBox("ispe", full, be32(it.w, it.h)))
		if it.config != nil {
			add(mkBox("hvcC", make([]byte, 21), []byte{3, 1, spsUnit}, be16(1, len(it.config)), it.config))
		}
		if it.extra != nil {
			add(it.extra)
		}
		assoc = append(append(append(assoc, be16(i+1)...), byte(len(list))), list...)
		if it.tiles != nil {
			refs = append(refs, mkBox("dimg", be16(i+1, len(it.tiles)), be16(it.tiles...))...)
		}
		pieces := max(it.pieces, 1)
		locs = append(locs, be16(i+1, 0, pieces)...)
		for k := range pieces {
			part := it.data[len(it.data)*k/pieces : len(it.data)*(k+1)/pieces]
			locs = append(locs, be32(len(ftyp)+8+len(mdat), len(part)+it.beyond)...)
			mdat = append(mdat, part...)
		}
	}
	meta := mkBox("meta", full,
		mkBox("pitm", full, be16(1)),
		mkBox("iloc", full, []byte{0x44, 0}, be16(len(items)), locs),
		mkBox("iinf", full, infos),
		mkBox("iref", full, refs),
		mkBox("iprp", mkBox("ipco", props), mkBox("ipma", full, assoc)))
	return slices.Concat(ftyp, mkBox("mdat", mdat), meta)
}

// unit is a length and a unit, as pixels hold them.
func unit(data []byte) []byte { return append(be32(len(data)), data...) }

func TestHEVCSizeIsRead(t *testing.T) {
	for _, subLayers := range []int{0, 1, 6} {
		for _, size := range [][2]uint64{{64, 64}, {4032, 3024}, {65535, 1}, {1 << 30, 1<<31 - 1}} {
			w, h, ok := hevcSize(spsOf(size[0], size[1], subLayers)[2:])
			if !ok || uint64(w) != size[0] || uint64(h) != size[1] {
				t.Errorf("%d sub-layers: read %d x %d %v, want %d x %d", subLayers, w, h, ok, size[0], size[1])
			}
		}
	}
	sps := spsOf(4032, 3024, 0)
	for n := range len(sps) - 3 {
		if _, _, ok := hevcSize(sps[2 : 2+n]); ok && n < len(sps)-6 {
			t.Errorf("the first %d bytes are taken as whole", n)
		}
	}
}

// What a HEIC file codes counts, wherever it stands, not only what its boxes claim: the decoder
// reserves memory by it.
func TestHEICIsJudgedByWhatItCodes(t *testing.T) {
	small, huge := spsOf(200, 160, 0), spsOf(30000, 30000, 0)
	slice := unit([]byte{0x26, 1, 0xff, 0xff})
	picture := testItem{kind: "hvc1", w: 200, h: 160, config: small, data: slice}
	with := func(f func(it *testItem)) testItem {
		it := picture
		f(&it)
		return it
	}
	many := make([]int, 12000)
	for i := range many {
		many[i] = 2
	}
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"sound":                          {mkHEIC("heic", picture), ""},
		"turned":                         {mkHEIC("heic", with(func(it *testItem) { it.extra = mkBox("irot", []byte{1}) })), ""},
		"size box claims too much":       {mkHEIC("heic", with(func(it *testItem) { it.w, it.h = 65000, 65000 })), fault.TooManyPixels},
		"parameter set claims too much":  {mkHEIC("heic", with(func(it *testItem) { it.config = huge })), fault.TooManyPixels},
		"parameter set among the pixels": {mkHEIC("heic", with(func(it *testItem) { it.data = slices.Concat(slice, unit(huge)) })), fault.TooManyPixels},
		"another item codes too much":    {mkHEIC("heic", picture, with(func(it *testItem) { it.config = huge })), fault.TooManyPixels},
		"a tile used again and again":    {mkHEIC("heic", testItem{kind: "grid", w: 200, h: 160, tiles: many}, picture), fault.TooManyPixels},
		"a grid of grids":                {mkHEIC("heic", testItem{kind: "grid", w: 200, h: 160, tiles: []int{2}}, testItem{kind: "grid", w: 200, h: 160, tiles: []int{3}}, picture), fault.UnsupportedType},
		"no parameter set":               {mkHEIC("heic", with(func(it *testItem) { it.config = nil })), fault.Undecodable},
		"unreadable parameter set":       {mkHEIC("heic", with(func(it *testItem) { it.config = small[:5] })), fault.Undecodable},
		"pixels in pieces":               {mkHEIC("heic", with(func(it *testItem) { it.pieces = 2 })), fault.UnsupportedType},
		"pixels beyond the end":          {mkHEIC("heic", with(func(it *testItem) { it.beyond = 10000 })), fault.Truncated},
		"AV1 within":                     {mkHEIC("avif", testItem{kind: "av01", w: 200, h: 160}), fault.UnsupportedType},
		"crop divided by zero":           {mkHEIC("heic", with(func(it *testItem) { it.extra = mkBox("clap", make([]byte, 32)) })), fault.Undecodable},
		"too narrow":                     {mkHEIC("heic", with(func(it *testItem) { it.w = 100 })), fault.TooSmall},
	} {
		info, err := Inspect(tc.data, nil)
		if got := code(err); got != tc.want {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
		if name == "turned" && (info.Width != 160 || info.Height != 200 || info.Orientation != 1) {
			t.Errorf("turned: %+v, want 160 x 200 and orientation 1", info)
		}
	}
}
