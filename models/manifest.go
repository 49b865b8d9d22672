package models

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Names of the networks, as in the manifest.
const (
	MODNet             = "modnet.onnx"
	MODNetInt8         = "modnet_int8.onnx"
	CenterFace         = "centerface.onnx"
	FaceLandmark       = "face_landmark.onnx"
	IrisLandmark       = "iris_landmark.onnx"
	SelfieSegmentation = "selfie_segmentation.onnx"
)

// Model is one network's entry in manifest.json: what it is, whose, and what it takes and gives.
type Model struct {
	Name    string `json:"name"`
	SHA256  string `json:"sha256"`
	Bytes   int64  `json:"bytes"`
	Licence string `json:"licence"` // SPDX identifier
	Changed bool   `json:"changed"` // whether we changed the published file
	Title   string `json:"title"`
	Source  Source `json:"source"`
	MadeBy  string `json:"made_by"` // script under models/make
	Input   string `json:"input"`   // contract in words and shapes
	Output  string `json:"output"`
}

// Source is the registry package that a network was made from.
type Source struct {
	Registry string `json:"registry"` // pypi or npm
	Package  string `json:"package"`
	Version  string `json:"version"`
	Member   string `json:"member"` // path inside the package
}

//go:embed manifest.json
var manifestJSON []byte

// Manifest returns the entries of manifest.json in its order.
func Manifest() ([]Model, error) {
	var ms []Model
	if err := json.Unmarshal(manifestJSON, &ms); err != nil {
		return nil, fmt.Errorf("models/manifest.json: %w", err)
	}
	return ms, nil
}

// Lookup returns the named entry of the manifest.
func Lookup(name string) (Model, error) {
	ms, err := Manifest()
	if err != nil {
		return Model{}, err
	}
	for _, m := range ms {
		if m.Name == name {
			return m, nil
		}
	}
	return Model{}, fmt.Errorf("model %s is not in models/manifest.json", name)
}

// read returns the bytes of the named network in dir. A missing file, or one whose bytes are not
// those of the manifest, is an error that names the file.
func read(dir, name string) ([]byte, error) {
	m, err := Lookup(name)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("model file %s: %w", path, err)
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); got != m.SHA256 {
		return nil, fmt.Errorf("model file %s is not the one in the manifest: %d bytes with sha256 %s, want %d bytes with %s",
			path, len(data), got, m.Bytes, m.SHA256)
	}
	return data, nil
}
