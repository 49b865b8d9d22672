// Package matte cuts people out: MODNet gives every pixel of a picture its share of person.
//
// Source: Ke et al., "MODNet: Real-Time Trimap-Free Portrait Matting via Objective Decomposition",
// AAAI 2022. The network wants sides that are multiples of Stride and was trained with a short
// side of 512.
package matte

import (
	"context"
	"image"

	"idphoto/models"
	"idphoto/pipeline/resample"
)

// Stride divides the sides of every picture that Alpha takes.
const Stride = 32

// Of an alpha or an opinion: beyond these it is sure.
const (
	sureOpaque = 0.9 // person
	sureClear  = 0.1 // background
)

// Network is an opened matting network. Its methods may be called from many goroutines.
type Network struct{ session *models.Session }

// Open opens the named network (models.MODNet or models.MODNetInt8) in rt, which outlives it.
func Open(rt *models.Runtime, name string) (*Network, error) {
	s, err := rt.Session(name)
	if err != nil {
		return nil, err
	}
	return &Network{s}, nil
}

// Alpha returns the matte of img: 0 background, 1 person. img's sides are multiples of Stride.
func (n *Network) Alpha(ctx context.Context, img *image.RGBA) (*resample.Plane, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	in := models.Float32(1, 3, int64(h), int64(w))
	r, g, b := in.Data[:w*h], in.Data[w*h:2*w*h], in.Data[2*w*h:]
	for y := range h {
		row := img.Pix[y*img.Stride : y*img.Stride+4*w]
		for x := range w {
			i := y*w + x
			r[i] = (float32(row[4*x]) - 127.5) / 127.5
			g[i] = (float32(row[4*x+1]) - 127.5) / 127.5
			b[i] = (float32(row[4*x+2]) - 127.5) / 127.5
		}
	}
	out, err := n.session.Run(in)
	if err != nil {
		return nil, err
	}
	return &resample.Plane{W: w, H: h, Pix: out[0].Data}, nil
}
