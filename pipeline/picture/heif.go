package picture

// heif is what the boxes of an HEIF file (ISO/IEC 23008-12) say about its items.
type heif struct {
	data    []byte
	primary uint64
	items   map[uint64]*heifItem
	props   []box // numbered from 1
	idat    []byte
}

// heifItem is a picture, or something about one.
type heifItem struct {
	kind        string // "hvc1", "grid", "Exif", ...
	props       []int  // into heif.props, in the order in which they apply
	extents     []extent
	inIDAT      bool
	derivedFrom []uint64 // the tiles of a grid
	uses        int64    // how many tiles of grids this item is
}

// extent is a piece of an item's data.
type extent struct{ at, size uint64 }

// Bounds on what a file may list. A photo has some fifty tiles.
const (
	maxItems = 4096
	maxTiles = 16384
)

// openHEIF reads the boxes. It checks that every top-level box, and every piece of an item that
// it lists, lies within the file.
func openHEIF(data []byte) (*heif, error) {
	f := &heif{data: data, items: map[uint64]*heifItem{}}
	var meta []byte
	err := eachBox(data, func(b box) error {
		if b.kind == "meta" && meta == nil {
			meta = b.body
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(meta) < 4 {
		return nil, unsupported("HEIC without a still picture")
	}
	// Items are introduced by iinf; the other boxes may come in any order around it.
	var later []box
	err = eachBox(meta[4:], func(b box) error {
		if b.kind == "iinf" {
			return f.readItems(b.body)
		}
		later = append(later, b)
		return nil
	})
	for i := 0; err == nil && i < len(later); i++ {
		err = f.readMeta(later[i])
	}
	if err != nil {
		return nil, err
	}
	return f, f.checkExtents()
}

func (f *heif) readMeta(b box) error {
	switch b.kind {
	case "pitm":
		r := fields{data: b.body}
		v, _ := r.version()
		f.primary = r.uint(idSize(v > 0))
	case "iprp":
		return eachBox(b.body, f.readProperties)
	case "iloc":
		return f.readLocations(b.body)
	case "iref":
		return f.readReferences(b.body)
	case "idat":
		f.idat = b.body
	}
	return nil
}

func idSize(long bool) int {
	if long {
		return 4
	}
	return 2
}

func (f *heif) readItems(body []byte) error {
	r := fields{data: body}
	v, _ := r.version()
	if n := r.uint(idSize(v > 0)); r.short || n > maxItems {
		return broken("HEIC with %d items", n)
	}
	return eachBox(r.data, func(b box) error {
		if b.kind != "infe" {
			return nil
		}
		r := fields{data: b.body}
		v, _ := r.version()
		id := r.uint(idSize(v > 2))
		r.bytes(2) // protection
		kind := string(r.bytes(4))
		if v < 2 || r.short || len(f.items) >= maxItems {
			return broken("HEIC item entry of version %d", v)
		}
		f.items[id] = &heifItem{kind: kind}
		return nil
	})
}

// readProperties reads the boxes of iprp: the properties, and which item has which.
func (f *heif) readProperties(b box) error {
	if b.kind == "ipco" {
		return eachBox(b.body, func(p box) error {
			f.props = append(f.props, p)
			if len(f.props) > maxItems {
				return broken("HEIC with too many properties")
			}
			return nil
		})
	}
	if b.kind != "ipma" {
		return nil
	}
	r := fields{data: b.body}
	v, flags := r.version()
	for n := r.uint(4); n > 0 && !r.short; n-- {
		it := f.items[r.uint(idSize(v > 0))]
		for k := r.uint(1); k > 0 && !r.short; k-- {
			index := r.uint(1 + int(flags&1))
			if flags&1 == 1 { // the highest bit says "essential"
				index &= 0x7fff
			} else {
				index &= 0x7f
			}
			if it != nil && len(it.props) < maxItems {
				it.props = append(it.props, int(index))
			}
		}
	}
	if r.short {
		return broken("HEIC property list ends early")
	}
	return nil
}

// properties returns an item's properties in the order in which they apply.
func (f *heif) properties(it *heifItem) []box {
	var out []box
	for _, i := range it.props {
		if i >= 1 && i <= len(f.props) {
			out = append(out, f.props[i-1])
		}
	}
	return out
}

func (f *heif) readLocations(body []byte) error {
	r := fields{data: body}
	v, _ := r.version()
	sizes := r.uint(2)
	offsetSize, lengthSize, baseSize, indexSize := int(sizes>>12), int(sizes>>8&15), int(sizes>>4&15), int(sizes&15)
	if max(offsetSize, lengthSize, baseSize, indexSize) > 8 {
		return broken("HEIC with offsets of more than 8 bytes")
	}
	for n := r.uint(idSize(v > 1)); n > 0 && !r.short; n-- {
		it := f.items[r.uint(idSize(v > 1))]
		method := uint64(0)
		if v > 0 {
			method = r.uint(2) & 15
		}
		r.bytes(2) // data reference: always this file
		base := r.uint(baseSize)
		extents := r.uint(2)
		for ; extents > 0 && !r.short; extents-- {
			if v > 0 {
				r.uint(indexSize)
			}
			e := extent{base + r.uint(offsetSize), r.uint(lengthSize)}
			if it != nil && len(it.extents) < maxItems {
				it.extents, it.inIDAT = append(it.extents, e), method == 1
			}
		}
	}
	if r.short {
		return broken("HEIC location list ends early")
	}
	return nil
}

// readReferences keeps which items a grid or an identity item is made of.
func (f *heif) readReferences(body []byte) error {
	r := fields{data: body}
	v, _ := r.version()
	size := idSize(v > 0)
	tiles := 0
	return eachBox(r.data, func(b box) error {
		if b.kind != "dimg" {
			return nil
		}
		r := fields{data: b.body}
		from := f.items[r.uint(size)]
		for n := r.uint(2); n > 0 && !r.short; n-- {
			id := r.uint(size)
			if tiles++; tiles > maxTiles {
				return broken("HEIC with more than %d tiles", maxTiles)
			}
			if from != nil {
				from.derivedFrom = append(from.derivedFrom, id)
			}
			if it := f.items[id]; it != nil {
				it.uses++
			}
		}
		return nil
	})
}

// holder is where an item's extents count from.
func (f *heif) holder(it *heifItem) []byte {
	if it.inIDAT {
		return f.idat
	}
	return f.data
}

func (f *heif) checkExtents() error {
	for _, it := range f.items {
		size := uint64(len(f.holder(it)))
		for _, e := range it.extents {
			if e.at > size || e.size > size-e.at {
				return cutShort("HEIC pixels")
			}
		}
	}
	return nil
}

// bytes returns the data of an item. Pixels in several pieces are not read: writers of photos
// keep each picture or tile in one.
func (f *heif) bytes(it *heifItem) ([]byte, error) {
	if len(it.extents) != 1 {
		return nil, unsupported("HEIC picture in %d pieces", len(it.extents))
	}
	e := it.extents[0]
	if e.size == 0 { // to the end
		return f.holder(it)[e.at:], nil
	}
	return f.holder(it)[e.at : e.at+e.size], nil
}
