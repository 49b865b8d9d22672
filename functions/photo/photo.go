// Package photo says what a task of kind "photo" is, so that upload, process and status agree:
// its options, where its blobs lie, and which parts its result has.
//
// Nothing here may hold a person's data: options and result are kept in the ledger.
package photo

import (
	"idphoto/queue"
)

// Kind picks the handler that makes ID photos.
const Kind = "photo"

// CanaryLabel is the label of tasks that the program sends through each lane to see that work gets
// through. They are nobody's: statistics of photos and rejections leave them out.
const CanaryLabel = "canary"

// OriginalKey is where the uploaded picture of a task lies.
func OriginalKey(taskID string) string { return queue.TaskPrefix(taskID) + "original" }

// Part is one file of a result.
type Part string

// The parts; a result has the first and the report always, the cutout where one was made.
const (
	Photo  Part = "photo"
	HD     Part = "hd"
	Cutout Part = "cutout"
	Report Part = "report"
)

// Parts lists them in the order in which they are shown.
var Parts = []Part{Photo, HD, Cutout, Report}

// analysis is what other photos of the same picture begin from. It lies beside the parts, and is
// for our own use.
const analysis Part = "analysis"

// MaxAnalysis bounds what is read of an analysis, in bytes: most have half a MiB.
const MaxAnalysis = 8 << 20

// AnalysisKey is where the attempt with this prefix leaves its analysis, and where a task that
// begins from another one's finds it: with the task's own prefix.
func AnalysisKey(prefix string) string { return Key(prefix, analysis) }

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
