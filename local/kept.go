package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"

	"idphoto/pipeline"
)

// keptMark begins every file of an analysis, so that none of another kind is written over.
const keptMark = "idphoto analysis\n"

// keptAnalysis is a picture with the file that keeps what the networks found in it. The file has the
// picture's SHA-256 after keptMark, so that one of another picture is not taken for it.
type keptAnalysis struct {
	path     string // "": nothing is kept
	picture  []byte
	analysis *pipeline.Analysis // nil: there is none of this picture, or of another version
}

// openKept reads the picture and, if path names one of it, the analysis.
func openKept(path, picture string) (*keptAnalysis, error) {
	k := &keptAnalysis{path: path}
	var err error
	if k.picture, err = os.ReadFile(picture); err != nil || path == "" {
		return k, err
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return nil, err
	}
	data, ours := bytes.CutPrefix(data, []byte(keptMark))
	if !ours {
		return nil, fmt.Errorf("%s is no analysis: it is not written over", path)
	}
	sum := sha256.Sum256(k.picture)
	if packed, same := bytes.CutPrefix(data, sum[:]); same {
		if k.analysis, err = pipeline.ReadAnalysis(packed); errors.Is(err, pipeline.ErrAnalysis) {
			return k, nil // of another version: it is made anew
		}
	}
	return k, err
}

// how says whether an analysis was used, for the line about the photo.
func (k *keptAnalysis) how() string {
	if k.analysis == nil {
		return ""
	}
	return ", from the analysis in " + k.path
}

// write keeps what was found, for the owner's eyes only: the person's picture is in it.
func (k *keptAnalysis) write(packed []byte) error {
	if k.path == "" {
		return nil
	}
	sum := sha256.Sum256(k.picture)
	return os.WriteFile(k.path, slices.Concat([]byte(keptMark), sum[:], packed), 0o600)
}
