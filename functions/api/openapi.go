package api

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
)

// document describes the whole interface; a test keeps routes, answers and description in step.
//
//go:embed openapi.json
var document []byte

var documentTag = func() string {
	sum := sha256.Sum256(document)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}()

// Description answers with the OpenAPI description.
func Description(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Set("ETag", documentTag)
	h.Set("Cache-Control", "public, max-age=300")
	if r.Header.Get("If-None-Match") == documentTag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(document) // the client may be gone: nobody is left to tell
	return nil
}
