// Package photo says what a task of kind "photo" is, so that upload, process and status agree:
// its options, where its blobs lie, and which parts its result has.
//
// Nothing here may hold a person's data: options and result are kept in the ledger.
package photo

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"idphoto/pipeline/spec"
	"idphoto/queue"
)

// Kind picks the handler that makes ID photos.
const Kind = "photo"

// CanaryLabel is the label of tasks that the program sends through each lane to see that work gets
// through. They are nobody's: statistics of photos and rejections leave them out.
const CanaryLabel = "canary"

// Options is what the customer chose, in the form that is stored.
type Options struct {
	Size       string `json:"size"`       // a specification's id
	Background string `json:"background"` // as spec.Background.String writes it
}

// Choose makes options of what a customer wrote: ids, aliases, colour names. Empty means the
// default document, and the document's own background. Errors are *fault.Error; what the document's
// authority forbids is one.
func Choose(size, background string) (Options, error) {
	s, err := spec.Lookup(size)
	if err != nil {
		return Options{}, err
	}
	if background == "" {
		background = s.Background
	}
	b, err := spec.ParseBackground(background)
	if err != nil {
		return Options{}, err
	}
	if err := s.Permit(b); err != nil {
		return Options{}, err
	}
	return Options{Size: s.ID, Background: b.String()}, nil
}

// Read parses options as Choose made them.
func Read(raw json.RawMessage) (*spec.Spec, spec.Background, error) {
	var o Options
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, spec.Background{}, fmt.Errorf("reading a task's options: %w", err)
	}
	return o.Resolve()
}

// Resolve returns what the options name.
func (o Options) Resolve() (*spec.Spec, spec.Background, error) {
	s, err := spec.Lookup(o.Size)
	if err != nil {
		return nil, spec.Background{}, err
	}
	b, err := spec.ParseBackground(o.Background)
	return s, b, err
}

// OriginalKey is where the uploaded picture of a task lies.
func OriginalKey(taskID string) string { return queue.TaskPrefix(taskID) + "original" }

// Digest tells whether two submissions ask for the same: hex SHA-256 of the stored options and the
// picture.
func Digest(image []byte, options json.RawMessage) string {
	h := sha256.New()
	h.Write(options)
	h.Write([]byte{0})
	h.Write(image)
	return hex.EncodeToString(h.Sum(nil))
}

// Part is one file of a result.
type Part string

// The parts; a result has the first and the report always, the cutout where one was made.
const (
	Photo  Part = "photo"
	Cutout Part = "cutout"
	Report Part = "report"
)

// Result is what a finished task keeps in the ledger about its files.
type Result struct {
	Parts map[Part]string `json:"parts"` // part to content type
}

// Key is where a part of the attempt with this prefix lies.
func Key(prefix string, p Part) string { return prefix + string(p) }

// Extension is the file name's end for a content type; empty for an unknown one.
func Extension(contentType string) string {
	return map[string]string{"image/jpeg": ".jpg", "image/png": ".png", "application/json": ".json"}[contentType]
}
