package spec

import "idphoto/pipeline/fault"

// Policy is how far a document lets a photo be edited.
type Policy string

// The policies, from the freest to the strictest.
const (
	Free           Policy = "free"       // anything the customer wants
	BackgroundOnly Policy = "background" // the background may be replaced, the person stays as taken
	CropOnly       Policy = "crop_only"  // the picture may be cropped and scaled, nothing else
)

// Editing says what may be edited and who says so.
type Editing struct {
	Policy Policy `json:"policy"`
	Source string `json:"source"`
	Grade  string `json:"grade"`
}

// Permit returns nil when a photo of this record can be made with background b, else why not, as a
// *fault.Error. A photo that may only be cropped keeps the picture's own background and its pixels.
func (s *Spec) Permit(b Background) error {
	switch {
	case !s.sized():
		return fault.New(fault.SizeUnpublished, nil, "spec", s.ID)
	case s.Editing.Policy == CropOnly && b.Kind != Original:
		return fault.New(fault.BackgroundForbidden, nil, "spec", s.ID, "source", s.Editing.Source)
	}
	return nil
}

// PermitTouch returns nil when the person may be touched up, else why not, as a *fault.Error.
func (s *Spec) PermitTouch() error {
	if s.Editing.Policy == Free {
		return nil
	}
	return fault.New(fault.EditForbidden, nil, "spec", s.ID, "source", s.Editing.Source)
}

// unavailable returns the code of the refusal that no background avoids; "" when a photo can be made.
func (s *Spec) unavailable() string {
	if !s.sized() {
		return fault.SizeUnpublished
	}
	return ""
}
