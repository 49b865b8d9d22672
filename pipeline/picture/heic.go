package picture

import (
	"bytes"
	"image"
	"slices"

	"github.com/gen2brain/heic"

	"idphoto/pipeline/fault"
)

// heicBrands are those of still pictures that may hold HEVC.
var heicBrands = []string{"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"}

func isHEIC(data []byte) bool {
	if len(data) < 16 || string(data[4:8]) != "ftyp" {
		return false
	}
	brands := data[8:min(len(data), 8+4*32)]
	for i := 0; i+4 <= len(brands); i += 4 {
		if i != 4 && slices.Contains(heicBrands, string(brands[i:i+4])) { // 4: the minor version
			return true
		}
	}
	return false
}

// heicMargin is how many coded pixels there may be for each pixel allowed: tiles reach beyond the
// edge, and an opacity plane comes on top.
const heicMargin = 2

// heicMinWidth is the least width in pixels that comes out right: the decoder lays out rows of
// less than 64 samples in another way than its Go part reads them, and chroma has half the width.
const heicMinWidth = 128

// inspectHEIC follows the primary item to its size, its turning and its colours, and checks that
// all pixels are there and that nothing coded is larger than the limit. The decoder applies
// cropping, turning and mirroring itself, so the size is that of the result and the orientation 1;
// an EXIF block's orientation does not count in this format.
func inspectHEIC(data []byte, lim Limits) (*header, error) {
	f, err := openHEIF(data)
	if err != nil {
		return nil, err
	}
	root, ok := f.items[f.primary]
	if !ok {
		return nil, broken("HEIC without its primary item")
	}
	w, h, err := f.finalSize(root)
	if err != nil {
		return nil, err
	}
	if err := lim.checkSide(w, h); err != nil {
		return nil, err
	}
	if w < heicMinWidth {
		return nil, fault.New(fault.TooSmall, nil, "width", w, "height", h, "need", heicMinWidth)
	}
	if err := f.checkCoded(root, lim); err != nil {
		return nil, err
	}
	out := &header{width: int(w), height: int(h), orientation: 1, ycc: jfif}
	f.colours(root, out)
	out.peakBytes = 8<<20 + 24*w*h
	return out, nil
}

// finalSize is the size after the turning that the item asks for.
func (f *heif) finalSize(it *heifItem) (w, h int64, err error) {
	for _, p := range f.properties(it) {
		r := fields{data: p.body}
		switch p.kind {
		case "ispe":
			r.version()
			w, h = int64(r.uint(4)), int64(r.uint(4))
		case "clap": // width and height as fractions
			wn, wd, hn, hd := int64(r.uint(4)), int64(r.uint(4)), int64(r.uint(4)), int64(r.uint(4))
			if wd == 0 || hd == 0 {
				return 0, 0, broken("HEIC crop divided by zero")
			}
			w, h = min(w, wn/wd), min(h, hn/hd)
		case "irot":
			if r.uint(1)&1 == 1 {
				w, h = h, w
			}
		}
		if r.short {
			return 0, 0, broken("HEIC property %s ends early", p.kind)
		}
	}
	return w, h, nil
}

// checkCoded checks every HEVC picture in the file, not only those that the primary item names:
// the decoder opens opacity planes by itself. Grids may be made of coded pictures only, so that
// they cannot multiply each other.
func (f *heif) checkCoded(root *heifItem, lim Limits) error {
	switch root.kind {
	case "hvc1", "grid", "iden":
	default:
		return unsupported("HEIF picture of kind %q", root.kind)
	}
	var total int64
	for _, it := range f.items {
		switch it.kind {
		case "grid", "iden", "iovl":
			for _, id := range it.derivedFrom {
				if tile := f.items[id]; tile == nil || tile.kind != "hvc1" {
					return unsupported("HEIC %s of something else than coded pictures", it.kind)
				}
			}
		case "hvc1":
			w, h, err := f.codedSize(it, lim)
			if err != nil {
				return err
			}
			if total += w * h * max(it.uses, 1); total > heicMargin*lim.MaxPixels {
				return fault.New(fault.TooManyPixels, nil, "width", w, "height", h, "limit", lim.MaxPixels)
			}
		}
	}
	return nil
}

// codedSize is the largest size that the item's parameter sets give, wherever they stand.
func (f *heif) codedSize(it *heifItem, lim Limits) (w, h int64, err error) {
	size := func(sw, sh int64) error {
		if sw > heicMargin*lim.MaxPixels/sh {
			return fault.New(fault.TooManyPixels, nil, "width", sw, "height", sh, "limit", lim.MaxPixels)
		}
		if sw*sh > w*h {
			w, h = sw, sh
		}
		return nil
	}
	for _, p := range f.properties(it) {
		if p.kind == "hvcC" {
			if err := hevcConfig(p.body, size); err != nil {
				return 0, 0, err
			}
		}
	}
	units, err := f.bytes(it)
	if err != nil {
		return 0, 0, err
	}
	if err := hevcUnits(units, size); err != nil {
		return 0, 0, err
	}
	if w == 0 {
		return 0, 0, broken("HEIC picture without its size")
	}
	return w, h, nil
}

// colours takes the primary item's colour boxes, or those of its first tile.
func (f *heif) colours(it *heifItem, h *header) {
	props := f.properties(it)
	if !slices.ContainsFunc(props, func(b box) bool { return b.kind == "colr" }) && len(it.derivedFrom) > 0 {
		if tile, ok := f.items[it.derivedFrom[0]]; ok {
			props = f.properties(tile)
		}
	}
	var coded embedded
	for _, p := range props {
		if p.kind != "colr" {
			continue
		}
		r := fields{data: p.body}
		switch string(r.bytes(4)) {
		case "nclx":
			primaries, transfer := int(r.uint(2)), int(r.uint(2))
			coded = codedColour(primaries, transfer)
			h.ycc = codedYCC(int(r.uint(2)), r.uint(1)>>7 == 1)
		case "prof", "rICC":
			h.icc = newEmbedded(r.data, false)
		}
	}
	if h.icc.kind == "" { // a profile says more than code points
		h.icc = coded
	}
}

// codedYCC is the conversion for a matrix of ITU-T H.273.
func codedYCC(matrix int, full bool) ycc {
	const bt709, bt2020 = 1, 9
	switch matrix {
	case bt709:
		return newYCC(0.2126, 0.0722, full)
	case bt2020:
		return newYCC(0.2627, 0.0593, full)
	}
	return newYCC(0.299, 0.114, full)
}

// heicTurn lets one HEIC decode at a time: each holds a memory of its own that is many times the
// picture's.
var heicTurn = make(chan struct{}, 1)

// decodeHEIC copies the pixels out of the decoder's memory, so that this, some twenty bytes for
// each pixel, is garbage at once. Its size counts: it may round a crop in another way.
func decodeHEIC(data []byte, h *header) (image.Image, error) {
	heicTurn <- struct{}{}
	defer func() { <-heicTurn }()
	img, err := heic.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	h.width, h.height = img.Bounds().Dx(), img.Bounds().Dy()
	switch m := img.(type) {
	case *image.YCbCr:
		m.Y, m.Cb, m.Cr = slices.Clone(m.Y), slices.Clone(m.Cb), slices.Clone(m.Cr)
	case *image.Gray:
		m.Pix = slices.Clone(m.Pix)
	case *image.NRGBA:
		m.Pix = slices.Clone(m.Pix)
	case *image.RGBA:
		m.Pix = slices.Clone(m.Pix)
	}
	return img, nil
}
