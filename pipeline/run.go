package pipeline

import (
	"context"
	"errors"
	"image"
	"math"
	"slices"

	"idphoto/models"
	"idphoto/pipeline/check"
	"idphoto/pipeline/face"
	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/spec"
)

// MinEyeDistance is the least distance between the eyes, in source pixels, that still makes a
// photo: a 1-inch photo has about 75.
const MinEyeDistance = 30

// run is one photo on its way. Each stage fills in fields for those after it.
type run struct {
	*Pipeline
	req     Request
	data    []byte
	matting *matte.Network // the pipeline's, or that for several people
	network models.Model

	pic        *picture.Picture // nil where the analysis' own pixels are enough
	pixels     pixels           // what the photo is sampled from
	others     int              // faces beside the one of the photo that spoil it
	neighbours []face.Box       // those of other people whom the photo leaves out
	face       *face.Face
	area       surroundings // as the photo's frame has it
	level      surroundings // with the head level
	values     []check.Value
	head       geometry.Head
	crop       geometry.Crop

	photo    *image.RGBA
	hd       *image.RGBA
	cutout   *image.NRGBA
	hdCutout *image.NRGBA
	result   Result
}

// stage is a named step.
type stage struct {
	name string
	do   func(context.Context) error
}

// stages lists what is to do: all of it for a new picture, less where an analysis is at hand.
func (r *run) stages() []stage {
	a := r.req.Analysis
	if a == nil {
		return append([]stage{{"decode", r.decode}, {"detect", r.detect}, {"landmarks", r.landmarks}, {"matte", r.matte}}, r.rest()...)
	}
	r.face, r.others, r.values = a.Face, a.Others, slices.Clone(a.Values)
	list := []stage{{"recall", r.recall}}
	covers := a.covers(&r.req)
	if !covers || !a.resolves(&r.req) {
		list = append(list, stage{"decode", r.decode})
	}
	switch {
	case covers:
		r.network = a.Network
	case a.widens(r.req.Spec):
		r.network = a.Network
		list = append(list, stage{"widen", r.widen})
	default:
		list = append(list, stage{"matte", r.matte})
	}
	return append(list, r.rest()...)
}

func (r *run) rest() []stage {
	return []stage{{"geometry", r.geometry}, {"check", r.check}, {"compose", r.compose}, {"encode", r.encode}}
}

func (r *run) decode(context.Context) (err error) {
	if r.pic, err = picture.Decode(r.data, r.opts.Limits); err == nil {
		r.pixels = pixels{r.pic, geometry.Affine{A: 1, E: 1}}
	}
	return err
}

// recall takes up what an earlier run found.
func (r *run) recall(context.Context) error {
	r.level, r.pixels = r.req.Analysis.matte(), r.req.Analysis.person()
	return nil
}

func (r *run) detect(ctx context.Context) error {
	var boxes []face.Box
	var err error
	if r.req.Person == nil {
		boxes, err = r.faces.Detect(ctx, r.pic)
	} else { // among others a first look, to see that one is alone, is wasted
		boxes, err = r.faces.DetectAt(ctx, r.pic, face.LongSide)
	}
	if err != nil {
		return err
	}
	own, others, err := r.req.onePerson(boxes, r.pic)
	if err != nil {
		return err
	}
	r.face, r.neighbours = &face.Face{Box: own}, others
	return nil
}

func (r *run) landmarks(ctx context.Context) error {
	f, ok, err := r.faces.Measure(ctx, r.pic, r.face.Box)
	if err != nil {
		return err
	}
	if !ok {
		return fault.New(fault.NoFace, nil)
	}
	if d, need := f.EyeDistance(), r.req.minEyeDistance(); d < need {
		return fault.New(fault.FaceTooSmall, nil, "pixels", int(d), "need", int(need))
	}
	if edge := cutFace(f, r.pic); edge != "" {
		return fault.New(fault.HeadCutOff, nil, "edge", edge)
	}
	r.face = f
	return nil
}

func (r *run) matte(ctx context.Context) (err error) {
	if r.level, err = r.surroundings(ctx); err != nil {
		return r.cause(err)
	}
	if r.req.Background.Kind != spec.Original {
		err = r.level.refine(ctx, r.pic, r.face, r.req.Spec)
	}
	return err
}

// check lets the document's rules decide about the picture as it was taken.
func (r *run) check(context.Context) error {
	r.result.Report.Quality = r.judge()
	if reject := check.Rejection(r.result.Report.Quality); reject != nil {
		return reject
	}
	switch d := r.level.disagreement; {
	case r.req.Approved:
	case d > r.maxDisagreement() && r.req.Background.Kind != spec.Original:
		r.result.Held = fault.New(fault.MatteUncertain, nil, "disagreement", math.Round(d*1000)/1000)
	case r.level.losesTop(r.face):
		r.result.Held = fault.New(fault.MatteUncertain, nil, "edge", "top")
	}
	return nil
}

// judge measures the picture and applies the document's rules. What an earlier run measured is judged
// again.
func (r *run) judge() []check.Finding {
	if r.values == nil {
		r.values = check.Measure(&check.Subject{
			Source: r.pic, Face: r.face, Others: r.others, Upscale: r.crop.Scale, File: r.data,
			Alpha: r.level.alpha, ToAlpha: r.level.toSource.Inverse().Then(r.level.toWork),
		})
	}
	for i, v := range r.values {
		if v.Measure == "upscale" { // the photo's, not that of the one the values are from
			r.values[i].Value = r.crop.Scale
		}
	}
	rules := checkRules(r.req.Spec, r.req.Background.Kind == spec.Original)
	if r.req.Person != nil && r.face.EyeDistance() < surelyMeasured {
		rules.Lenient = append(rules.Lenient, "eyes_open", "eyes_visible", "sharpness")
	}
	return rules.Judge(r.values)
}

// cause returns what is wrong with the picture itself where that is why err came of it: a face too
// blurred or too bright cannot be cut out, and one that is turned away seldom fits the frame.
func (r *run) cause(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code != fault.MatteUncertain && f.Code != fault.GeometryImpossible {
		return err
	}
	if reject := check.Rejection(r.judge()); reject != nil {
		return reject
	}
	return err
}

// surelyMeasured is how many pixels there must be between the eyes for lids, glasses and sharpness to be
// judged: of a smaller face in a group's picture they only warn, since nobody can come closer.
const surelyMeasured = 40

// checkRules are what document s makes of the measures of a picture, whose background stays if kept.
func checkRules(s *spec.Spec, kept bool) check.Rules {
	rules := check.Authority()
	if s.Trade {
		rules = check.House()
	}
	if s.Editing.Policy != spec.CropOnly {
		rules.Lenient = []string{"background_uniformity"} // it is replaced, or the customer wants to keep it
	} else {
		rules.Rejects = append(rules.Rejects, "background_uniformity")
		rules.Judged = append(rules.Judged, "background_lightness", "background_a", "background_b")
	}
	if kept && s.Backdrop != nil && s.Backdrop.Tolerance != nil {
		judgeShade(&rules, s.Backdrop.Tolerance)
	}
	for _, a := range s.Asks {
		if a.Check == "" {
			continue
		}
		rules.Asked, rules.Judged = append(rules.Asked, a.Check), append(rules.Judged, a.Check)
		if a.Rejects {
			rules.Rejects = append(rules.Rejects, a.Check)
		}
		if a.Max != nil {
			band := check.Band{Max: a.Max}
			rules.Limits[a.Check], rules.Origins[a.Check] = check.Limits{Pass: band, Bearable: band}, check.Origin{Source: a.Source, Grade: a.Grade}
		}
	}
	return rules
}

// shadeDoubt is how far outside of a shade a background only warns: lamps and cameras shift colours by as
// much (steps of CIE Lab).
const shadeDoubt = 10

// judgeShade judges the background's colour by the shade that the document asks for. It does not reject:
// whether a wall is white to an officer depends on the camera's white balance, which nothing tells.
func judgeShade(rules *check.Rules, shade *spec.Shade) {
	for name, r := range map[string][2]float64{
		"background_lightness": shade.Lightness, "background_a": shade.A, "background_b": shade.B,
	} {
		lo, hi, least, most := r[0], r[1], r[0]-shadeDoubt, r[1]+shadeDoubt
		rules.Limits[name] = check.Limits{Pass: check.Band{Min: &lo, Max: &hi}, Bearable: check.Band{Min: &least, Max: &most}}
		rules.Origins[name] = check.Origin{Source: shade.Source, Grade: shade.Grade}
		rules.Asked, rules.Judged = append(rules.Asked, name), append(rules.Judged, name)
	}
}
