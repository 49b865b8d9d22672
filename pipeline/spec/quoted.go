package spec

// What stands in this file is quoted from the sources for people to read. No code checks a photo
// against it yet: Spec.NotChecked names every such demand.

// Measures that are quoted, not checked.
const (
	HeadWidth     = "head_width"
	FaceWidth     = "face_width"     // between the cheeks
	PupilDistance = "pupil_distance" // between the pupils
	EyesFromLeft  = "eyes_from_left" // the point between the eyes, from the left edge
	FaceFromSide  = "face_from_side" // the face's middle, from each side
	SideGap       = "side_gap"       // free on each side of the head
	HeadTilt      = "head_tilt"      // to a shoulder, degrees
	HeadPitch     = "head_pitch"     // up or down, degrees
)

// quotedMeasures lists them.
var quotedMeasures = []string{
	HeadWidth, FaceWidth, PupilDistance, EyesFromLeft, FaceFromSide, SideGap, HeadTilt, HeadPitch,
}

// Measure is a published bound that no code checks yet, in its source's unit.
type Measure struct {
	Measure string   `json:"measure"`
	Min     *float64 `json:"min,omitempty"` // nil: open below
	Max     *float64 `json:"max,omitempty"` // nil: open above
	Unit    string   `json:"unit"`          // percent: of the width or height that the measure runs along
	Source  string   `json:"source"`
	Grade   string   `json:"grade"`
}

// Sizes is the range that the authority accepts, where it is more than the one size that is made.
type Sizes struct {
	Min    *[2]float64 `json:"min,omitempty"` // width, height; nil: open below
	Max    *[2]float64 `json:"max,omitempty"`
	Unit   string      `json:"unit"` // UnitMM or UnitPx
	Source string      `json:"source"`
	Grade  string      `json:"grade"`
}

// Backdrop is what the authority wants behind the person. No source gives a tolerance in numbers;
// the shades it names are its tolerance.
type Backdrop struct {
	Accepts []string `json:"accepts"`           // shades in words
	Refuses []string `json:"refuses,omitempty"` // likewise
	Source  string   `json:"source"`
	Grade   string   `json:"grade"`
}

// File is what a portal accepts. KB are as published; 1 MB is written as 1000, the stricter reading.
type File struct {
	Types    []string `json:"types,omitempty"` // jpeg, jpeg2000, png, heic
	MinKB    float64  `json:"min_kb,omitzero"`
	MaxKB    float64  `json:"max_kb,omitzero"`
	Quality  int      `json:"jpeg_quality,omitzero"` // 1 to 100
	MaxRatio float64  `json:"max_compression_ratio,omitzero"`
	Bits     int      `json:"bits_per_pixel,omitzero"`
	SRGB     bool     `json:"srgb,omitzero"`
	Source   string   `json:"source"`
	Grade    string   `json:"grade"`
}

// notChecked names what the record asks for and no report covers.
func (s *Spec) notChecked() []string {
	names := []string{}
	for _, m := range s.Unchecked {
		names = append(names, m.Measure)
	}
	if s.Crown == CrownSkull {
		names = append(names, "skull_crown")
	}
	if s.Backdrop != nil {
		names = append(names, "background_shade")
	}
	if f := s.File; f != nil && (f.MinKB > 0 || f.MaxKB > 0) {
		names = append(names, "file_size")
	}
	if f := s.File; f != nil && (f.Quality > 0 || f.MaxRatio > 0) {
		names = append(names, "file_quality")
	}
	return names
}
