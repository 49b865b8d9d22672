// Package check judges a portrait: whether eyes are open, the head straight, the light even, the
// picture sharp. It measures the picture as it was taken, before anything is changed in it.
//
// Measures carry the names of ISO/IEC 29794-5 (face image quality) where that standard has them, and
// ISO/IEC 39794-5's angles. What is good enough stands in one data file, thresholds.json, with the
// reason for each number; a document may say otherwise, and says which failures reject a picture.
//
// A measure is a function in a file of its subject (pose.go, eyes.go, sharpness.go, ...) and a row in
// faceMeasures or imageMeasures. It looks at nothing but its work, and takes no part in the verdict.
package check

import (
	"idphoto/pipeline/face"
	"idphoto/pipeline/geometry"
	"idphoto/pipeline/resample"
)

// Verdict is what a check says.
type Verdict string

// The verdicts.
const (
	Pass Verdict = "pass"
	Warn Verdict = "warn" // outside what is good, within what is bearable
	Fail Verdict = "fail"
	Note Verdict = "note" // stated, not judged: a head covering may be religious. A document may judge it all the same
)

// Finding is one measure of a picture with its verdict.
type Finding struct {
	Measure string   `json:"measure"`       // name in thresholds.json
	ISO     string   `json:"iso,omitempty"` // the quality component's name in ISO/IEC 29794-5
	Value   float64  `json:"value"`
	Unit    string   `json:"unit,omitempty"` // "" for shares and ratios; else degrees, px, ...
	Min     *float64 `json:"min,omitempty"`  // pass within [Min, Max]
	Max     *float64 `json:"max,omitempty"`
	Verdict Verdict  `json:"verdict"`
	Asked   bool     `json:"asked"`             // whether the document asks for it; else it is our own care
	Rejects bool     `json:"rejects,omitempty"` // whether a failure rejects the picture
	Code    string   `json:"code,omitempty"`    // of package fault: what a failure is called
	Source  string   `json:"source"`            // of the limits
	Grade   string   `json:"grade"`             // likewise, as in package spec
}

// Subject is the picture to judge.
type Subject struct {
	Source  resample.Source // upright, sRGB, unchanged
	Face    *face.Face
	Others  int             // further faces in the picture
	Alpha   *resample.Plane // matte of the person around the head, 0 to 1
	ToAlpha geometry.Affine // source pixels -> pixels of Alpha
	Upscale float64         // photo pixels per source pixel
	File    []byte          // as it came: for the marks of compression; may be nil
}
