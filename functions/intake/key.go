package intake

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
)

// IdempotencyKey returns the client's key in the form that is stored: hashed, because a client
// may make keys of names or numbers of persons. Empty when the client sent none.
func IdempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if len(values) > 1 || len(key) == 0 || len(key) > 255 {
		return "", fault.New(problem.BadKey, nil)
	}
	for _, c := range []byte(key) {
		if c < 0x20 || c > 0x7e {
			return "", fault.New(problem.BadKey, nil)
		}
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:]), nil
}
