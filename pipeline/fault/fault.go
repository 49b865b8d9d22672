// Package fault holds the error that says what is wrong with a picture or a request, in a form
// that every layer above can act on: a stable code, values for its sentence, a private cause.
//
// The sentences (English and Chinese), the advice and the HTTP status of each code stand in one
// table, package functions/problem; a code used here and missing there fails a test.
package fault

import "fmt"

// Codes are stored with tasks and shown to clients: add, never rename.
const (
	NoFace             = "no_face"
	ManyFaces          = "many_faces"          // Detail: count
	TooManyPeople      = "too_many_people"     // in a group picture; Detail: count, limit
	FaceTooSmall       = "face_too_small"      // Detail: pixels, need
	HeadCutOff         = "head_cut_off"        // Detail: edge (top, left, right, bottom)
	GeometryImpossible = "geometry_impossible" // Detail: rules (names of those in conflict)
	MatteUncertain     = "matte_uncertain"

	// What a check found that the document does not accept. Detail: value, limit of the measure.
	FaceTurned = "face_turned"
	EyesClosed = "eyes_closed"
	EyesHidden = "eyes_hidden"  // dark glasses, glare, hair
	GlassesOn  = "glasses_worn" // where the document forbids them
	MouthOpen  = "mouth_open"
	TooBlurred = "too_blurred"
	TooDark    = "too_dark"
	TooBright  = "too_bright"
	UnevenFace = "uneven_light"      // one side of the face in shadow
	Backdrop   = "background_uneven" // of a picture whose background may not be replaced
	TooCoarse  = "too_coarse"        // enlarged too much, or compressed too hard

	Empty             = "empty"            // a body or file of no bytes
	UnsupportedType   = "unsupported_type" // not one of the picture formats we read
	Undecodable       = "undecodable"      // the right format, but broken
	Truncated         = "truncated"        // ends before its end
	TooManyPixels     = "too_many_pixels"  // Detail: width, height, limit
	TooLarge          = "too_large"        // bytes; Detail: limit
	TooSmall          = "too_small"        // pixels; Detail: width, height, need
	UnknownSize       = "unknown_size"
	UnknownBackground = "unknown_background"

	SizeOutOfRange      = "size_out_of_range"    // of a size in mm or px; Detail: width, height, dpi, min, max, pixels
	SizeUnpublished     = "size_unpublished"     // no source says how large; Detail: spec
	BackgroundForbidden = "background_forbidden" // by the document's authority; Detail: spec, source, rule (its words by language, where known)
	EditForbidden       = "edit_forbidden"       // a touch-up that the authority does not allow; Detail: spec, source, rule (likewise)
	BadTouch            = "bad_touch_up"         // Detail: field
	SizeUnreachable     = "size_unreachable"     // of the file; Detail: min_kb, max_kb, nearest_kb
	BadSheet            = "bad_sheet"            // paper, gap or margin out of range; Detail: field
	NothingFits         = "nothing_fits"         // on the paper; Detail: paper
	SheetFull           = "sheet_full"           // Detail: missing, asked, paper
)

// Error is something the customer can put right: the task is rejected, not retried, not alarmed.
type Error struct {
	Code   string
	Detail map[string]any // small JSON values for the code's sentence; never personal data
	Err    error          // for the log; may be nil
}

// New returns an error of this code. Detail comes as key, value pairs.
func New(code string, cause error, detail ...any) *Error {
	e := &Error{Code: code, Err: cause}
	for i := 0; i+1 < len(detail); i += 2 {
		if e.Detail == nil {
			e.Detail = make(map[string]any, len(detail)/2)
		}
		e.Detail[detail[i].(string)] = detail[i+1]
	}
	return e
}

func (e *Error) Error() string {
	s := e.Code
	if len(e.Detail) > 0 {
		s += fmt.Sprintf(" %v", e.Detail)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns the stable code.
func (e *Error) ErrorCode() string { return e.Code }

// ErrorDetail returns the values for the code's sentence.
func (e *Error) ErrorDetail() map[string]any { return e.Detail }
