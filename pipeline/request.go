package pipeline

import (
	"context"
	"errors"
	"fmt"

	"idphoto/pipeline/fault"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/picture"
	"idphoto/pipeline/spec"
	"idphoto/pipeline/touchup"
)

// Request says which photo to make.
type Request struct {
	Spec       *spec.Spec
	Background spec.Background
	Touch      touchup.Options   // zero: the person stays as taken
	File       picture.SizeRange // of the photo's file; zero: as the document asks
	HD         bool              // also a variant with as many pixels as the picture has
	Keep       bool              // whether Result.Analysis is wanted
	Analysis   *Analysis         // of the same picture, from an earlier run: its networks need not run again
	Person     *geometry.Point   // of several people, the one whose face is here, in fractions of the upright picture; nil: there is only one
	Approved   bool              // the cut in Analysis was found good: a photo with that very cut is not held
}

// Result is a finished photo.
type Result struct {
	Photo     []byte
	PhotoType string // image/jpeg, or image/png for a transparent background
	HD        []byte // likewise, nil unless asked for and the picture has more pixels than the photo
	Cutout    []byte // PNG of the person in the photo's frame; nil for the original background
	Report    *Report
	Analysis  []byte       // see ReadAnalysis; nil unless asked for
	Held      *fault.Error // why somebody should look at the photo before it is used; nil: no need
}

// check refuses a request that cannot be met whatever the picture, as a *fault.Error.
func (req *Request) check() error {
	if req.Spec == nil || req.Background.Kind == 0 {
		return errors.New("pipeline: the request names no specification or no background")
	}
	if err := req.Spec.Permit(req.Background); err != nil {
		return err
	}
	if req.Touch.Zero() {
		return nil
	}
	return errors.Join(req.Touch.Validate(), req.Spec.PermitTouch())
}

// Run makes one photo from an encoded picture. It returns a *fault.Error when the picture cannot
// give this photo. data may be nil where req.Analysis serves the request. stage may be nil.
func (p *Pipeline) Run(ctx context.Context, data []byte, req Request, stage StageFunc) (*Result, error) {
	if err := req.check(); err != nil {
		return nil, err
	}
	if stage == nil {
		stage = func(ctx context.Context, _ string, f func(context.Context) error) error { return f(ctx) }
	}
	defer p.runtime.Begin()()
	req.Approved = req.Approved && req.Analysis != nil && req.Analysis.covers(&req) // else the cut is another one, which nobody has seen
	r := &run{Pipeline: p, req: req, data: data, matting: p.matting, network: p.network}
	if req.Person != nil {
		var err error
		if r.matting, r.network, err = p.openSeveral(); err != nil {
			return nil, err
		}
	}
	for _, s := range r.stages() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := stage(ctx, s.name, s.do); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return &r.result, nil
}
