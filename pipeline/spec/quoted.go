package spec

// Measure is a published bound that no code checks, in its source's unit.
type Measure struct {
	Measure string   `json:"measure"`
	Min     *float64 `json:"min,omitempty"` // nil: open below
	Max     *float64 `json:"max,omitempty"` // nil: open above
	Unit    string   `json:"unit"`          // percent: of the width or height that the measure runs along
	Reason  string   `json:"reason"`        // why nothing checks it
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

// Backdrop is what the authority wants behind the person. No source gives a tolerance in numbers:
// Tolerance is what we take the shades it names for.
type Backdrop struct {
	Accepts   []string `json:"accepts"`           // shades in words, which shades.json knows
	Refuses   []string `json:"refuses,omitempty"` // likewise
	Source    string   `json:"source"`
	Grade     string   `json:"grade"`
	Tolerance *Shade   `json:"tolerance,omitempty"` // follows from Accepts; nil: any plain colour
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

// What the finished photo is asked for beside its geometry.
const (
	BackgroundShade = "background_shade" // one of Backdrop.Accepts
	FileSize        = "file_size"        // from File.MinKB to File.MaxKB
	FileQuality     = "file_quality"     // File.Quality, File.MaxRatio
)

// Demands names what the record asks of the finished photo, beside its rules.
func (s *Spec) Demands() []string {
	var names []string
	if s.Backdrop != nil {
		names = append(names, BackgroundShade)
	}
	if f := s.File; f != nil && (f.MinKB > 0 || f.MaxKB > 0) {
		names = append(names, FileSize)
	}
	if f := s.File; f != nil && (f.Quality > 0 || f.MaxRatio > 0) {
		names = append(names, FileQuality)
	}
	return names
}

// notChecked names what the record asks for and no code says anything about.
func (s *Spec) notChecked() []string {
	names := []string{}
	for _, m := range s.Unchecked {
		names = append(names, m.Measure)
	}
	for _, a := range s.Asks {
		if a.Check == "" {
			names = append(names, a.Name)
		}
	}
	return names
}
