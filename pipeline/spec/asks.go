package spec

// Ask is something that a document's sources ask of the picture or the person in words.
type Ask struct {
	Name    string            `json:"name"`
	Words   map[string]string `json:"words"`             // "en" and "zh"
	Check   string            `json:"check,omitempty"`   // measure of package check that looks at it; empty: nothing does
	Max     *float64          `json:"max,omitempty"`     // limit of that measure, to either side of 0, where the source has a figure
	Rejects bool              `json:"rejects,omitempty"` // whether failing the check rejects the picture
	Source  string            `json:"source"`
	Grade   string            `json:"grade"`
}

// Angle is a limit in degrees, to either side.
type Angle struct {
	Degrees float64 `json:"degrees"`
	Source  string  `json:"source"`
	Grade   string  `json:"grade"`
}

// houseTilt holds where no source has a limit.
var houseTilt = Angle{5, "our own limit, that of ISO/IEC 19794-5 for the roll of a frontal face", houseGrade}

// MaxTilt is how far the line through the eyes may lean on the photo. Heads are levelled where
// editing allows a turn, so it matters where only cropping is allowed, or where a level head would be cut.
func (s *Spec) MaxTilt() Angle {
	if s.Tilt != nil {
		return *s.Tilt
	}
	return houseTilt
}
