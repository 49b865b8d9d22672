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
	Policy Policy            `json:"policy"`
	Rule   map[string]string `json:"rule,omitempty"` // the authority's words, "en" and "zh", where it forbids
	Source string            `json:"source"`
	Grade  string            `json:"grade"`
}

// Permit returns nil when a photo of this record can be made with background b, else why not, as a
// *fault.Error. A photo that may only be cropped keeps the picture's own background and its pixels.
func (s *Spec) Permit(b Background) error {
	switch {
	case !s.sized():
		return fault.New(fault.SizeUnpublished, nil, "spec", s.ID)
	case s.Editing.Policy == CropOnly && b.Kind != Original:
		return s.forbidden(fault.BackgroundForbidden)
	}
	return nil
}

// PermitTouch returns nil when the person may be touched up, else why not, as a *fault.Error.
func (s *Spec) PermitTouch() error {
	if s.Editing.Policy == Free {
		return nil
	}
	return s.forbidden(fault.EditForbidden)
}

// forbidden is a refusal with the authority's rule, in both languages where it has one.
func (s *Spec) forbidden(code string) *fault.Error {
	e := fault.New(code, nil, "spec", s.ID, "source", s.Editing.Source)
	if s.Editing.Rule != nil {
		e.Detail["rule"] = s.Editing.Rule
	}
	return e
}

// unavailable returns the code of the refusal that no background avoids; "" when a photo can be made.
func (s *Spec) unavailable() string {
	if !s.sized() {
		return fault.SizeUnpublished
	}
	return ""
}
