// Package pipeline turns one portrait into one ID photo that meets a document's specification.
//
// A run is a fixed list of stages: decode, detect, landmarks, matte, geometry, check, compose,
// encode. What the customer can put right comes back as a *fault.Error with a stable code; anything
// else is a fault of ours and may be tried again. The package knows no HTTP, no queue and no database.
//
// The networks' part of a run, up to the matte, does not depend much on the photo that is asked
// for: an Analysis keeps it, and another photo of the same picture, for any document, begins after it.
//
// # Coordinates
//
// Three frames are in use, joined by affine maps: the source (upright pixels of the picture), the
// head (source pixels, turned so that the eyes are level, the origin between them) and the photo.
// The head's surroundings are sampled once, level and small, for the matting network; the photo's
// pixels are sampled straight from the source, so nothing is resampled twice.
//
// # Memory
//
// The decoder refuses pictures above Limits before it allocates pixels (picture.Info.PeakBytes says
// what one needs); everything after it works on pieces about as large as the photo. Nothing is kept
// in memory between runs but the networks.
package pipeline

import (
	"context"
	"errors"
	"sync"

	"idphoto/models"
	"idphoto/pipeline/face"
	"idphoto/pipeline/matte"
	"idphoto/pipeline/picture"
)

// StageFunc runs one named stage. The caller may time it, trace it, renew a lease, or refuse to
// go on by returning an error without calling f.
type StageFunc func(ctx context.Context, name string, f func(ctx context.Context) error) error

// Options tunes a Pipeline. The zero value is ready to use.
type Options struct {
	Models      models.Options
	Matte       string          // network: models.MODNetInt8 (default) or models.MODNet (default on CUDA)
	MattePixels int             // area of the network's input; default DefaultMattePixels
	Limits      *picture.Limits // what Decode accepts; nil: its defaults
	Quality     int             // JPEG quality, 1 to 100; default 95
}

// DefaultMattePixels is the area of the head's surroundings as the matting network sees them: a
// little less fine than a 1-inch photo. Chosen by comparing 42 photos with the float network on wider
// surroundings: with fewer pixels it loses shoulders and takes flags for hats, with more it loses hats.
const DefaultMattePixels = 120 << 10

// Pipeline makes photos. Its methods may be called from many goroutines.
type Pipeline struct {
	opts    Options
	runtime *models.Runtime
	faces   *face.Finder
	matting *matte.Network
	opinion *matte.Segmentation // second, on the matte
	network models.Model

	several struct { // see openSeveral
		once    sync.Once
		matting *matte.Network
		network models.Model
		err     error
	}
}

// Open loads the networks. The caller closes the Pipeline.
func Open(opts *Options) (*Pipeline, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	rt, err := models.Open(&o.Models)
	if err != nil {
		return nil, err
	}
	if o.Matte == "" {
		o.Matte = models.MODNetInt8
		if p, _ := rt.Provider(); p == models.CUDA {
			o.Matte = models.MODNet // quantised convolutions have no kernels there
		}
	}
	if o.MattePixels <= 0 {
		o.MattePixels = DefaultMattePixels
	}
	if o.Quality <= 0 {
		o.Quality = 95
	}
	p := &Pipeline{opts: o, runtime: rt}
	if err := p.openNetworks(); err != nil {
		return nil, errors.Join(err, rt.Close())
	}
	return p, nil
}

func (p *Pipeline) openNetworks() (err error) {
	if p.network, err = models.Lookup(p.opts.Matte); err != nil {
		return err
	}
	if p.faces, err = face.Open(p.runtime); err != nil {
		return err
	}
	if p.matting, err = matte.Open(p.runtime, p.opts.Matte); err != nil {
		return err
	}
	p.opinion, err = matte.OpenSegmentation(p.runtime)
	return err
}

// openSeveral returns the network for people who stand together, and opens it at the first call. The
// quantised one sees nobody in a crowd where the float one sees everybody.
func (p *Pipeline) openSeveral() (*matte.Network, models.Model, error) {
	if p.opts.Matte == models.MODNet {
		return p.matting, p.network, nil
	}
	p.several.once.Do(func() {
		if p.several.network, p.several.err = models.Lookup(models.MODNet); p.several.err == nil {
			p.several.matting, p.several.err = matte.Open(p.runtime, models.MODNet)
		}
	})
	return p.several.matting, p.several.network, p.several.err
}

// Close ends the networks. No Run may be under way.
func (p *Pipeline) Close() error { return p.runtime.Close() }

// Status says what computes: for readiness, logs and the report.
type Status struct {
	Matte    string          `json:"matte"` // network's file
	SHA256   string          `json:"matte_sha256"`
	Provider models.Provider `json:"execution_provider"`
	Reason   string          `json:"execution_provider_reason"`
	Runtime  string          `json:"onnxruntime"` // version
	Library  string          `json:"-"`           // path: for doctor, not for the world
}

// Status returns what computes.
func (p *Pipeline) Status() Status {
	provider, reason := p.runtime.Provider()
	return Status{p.network.Name, p.network.SHA256, provider, reason, p.runtime.Version(), p.runtime.Library()}
}
