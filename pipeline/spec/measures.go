package spec

// Measures a rule can bound, in millimetres on the photo.
const (
	HeadHeight = "head_height" // chin to crown: the one that Spec.Crown names
	HairHeight = "hair_height" // chin to the top of the hair, where the crown is the skull's
	EyeLine    = "eye_line"    // eyes above the bottom edge
	CrownGap   = "crown_gap"   // crown below the top edge
	HairGap    = "hair_gap"    // top of the hair below the top edge, where the crown is the skull's
	ChinGap    = "chin_gap"    // chin above the bottom edge

	HeadWidth     = "head_width"     // of the head beside the face, with hair and ears
	FaceWidth     = "face_width"     // of the face's outline, between the cheekbones
	PupilDistance = "pupil_distance" // between the pupils
	EyesFromLeft  = "eyes_from_left" // the point between the eyes, from the left edge
	FaceFromSide  = "face_from_side" // the head's axis, from each side
	SideGap       = "side_gap"       // free on each side of the head
	Centring      = "centring"       // the head's axis, from the left edge
)

// along tells of each measure whether it runs across the photo.
var along = map[string]bool{
	HeadHeight: false, HairHeight: false, EyeLine: false, CrownGap: false, HairGap: false, ChinGap: false,
	HeadWidth: true, FaceWidth: true, PupilDistance: true, EyesFromLeft: true, FaceFromSide: true, SideGap: true, Centring: true,
}

// Across tells whether a measure runs along the photo's width.
func Across(measure string) bool { return along[measure] }

// side is how long the photo is along a measure, in mm and px.
func (s *Spec) side(measure string) (mm float64, px int) {
	if Across(measure) {
		return s.WidthMM, s.WidthPx
	}
	return s.HeightMM, s.HeightPx
}
