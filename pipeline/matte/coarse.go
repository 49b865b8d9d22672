package matte

import (
	"context"
	"image"

	"idphoto/models"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/resample"
)

// CoarseSide is that of the segmentation network's input and output.
const CoarseSide = 256

// MaxDisagreement is how far a matte may be from the second opinion before a person should look at
// it. 15 ordinary portraits and composites lie between 0 and .0023, people cut out of a crowd that the
// network lost half of between .04 and 1.35.
const MaxDisagreement = .02

// Segmentation is a coarse second opinion on where a person is: MediaPipe's selfie segmentation.
// It is no matte, but it seldom takes a poster or a curtain for a person. Its methods may be called
// from many goroutines.
type Segmentation struct{ session *models.Session }

// OpenSegmentation opens the network in rt, which outlives it.
func OpenSegmentation(rt *models.Runtime) (*Segmentation, error) {
	s, err := rt.Session(models.SelfieSegmentation)
	if err != nil {
		return nil, err
	}
	return &Segmentation{s}, nil
}

// Opinion returns how sure the network is of a person, 0 to 1, on a square over the whole of img.
func (s *Segmentation) Opinion(ctx context.Context, img *image.RGBA) (*resample.Plane, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	toImg := geometry.Affine{A: float64(img.Rect.Dx()) / CoarseSide, E: float64(img.Rect.Dy()) / CoarseSide}
	in := models.Float32(1, CoarseSide, CoarseSide, 3)
	for y := range CoarseSide {
		for x := range CoarseSide {
			p := img.PixOffset(img.Rect.Min.X+int((float64(x)+.5)*toImg.A), img.Rect.Min.Y+int((float64(y)+.5)*toImg.E))
			for ch := range 3 {
				in.Data[3*(y*CoarseSide+x)+ch] = float32(img.Pix[p+ch]) / 255
			}
		}
	}
	out, err := s.session.Run(in)
	if err != nil {
		return nil, err
	}
	return &resample.Plane{W: CoarseSide, H: CoarseSide, Pix: out[0].Data}, nil
}

// Disagreement returns how far a matte is from the second opinion on the same picture: the area of
// which each is sure of the opposite, in shares of the person's.
func Disagreement(alpha, opinion *resample.Plane) float64 {
	var people, opposite float64
	for y := range opinion.H {
		for x := range opinion.W {
			a := alpha.At((2*x+1)*alpha.W/(2*opinion.W), (2*y+1)*alpha.H/(2*opinion.H))
			o := opinion.Pix[y*opinion.W+x]
			if a > Opaque {
				people++
			}
			if Opposite(a, o) {
				opposite++
			}
		}
	}
	if people == 0 {
		return 1
	}
	return opposite / people
}

// Opposite tells whether a matte and an opinion are each sure of the opposite.
func Opposite(alpha, opinion float32) bool {
	return alpha > sureOpaque && opinion < sureClear || alpha < sureClear && opinion > sureOpaque
}
