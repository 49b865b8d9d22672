package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Headers of a request.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

const (
	secretPrefix = "whsec_"
	minSecret    = 16 // bytes
	version      = "v1,"
)

// ErrSignature is what Verify returns for a request that is not to be believed.
var ErrSignature = errors.New("notify: the request is not signed with our secret, or too old")

// secretKey reads a secret. The error never repeats it.
func secretKey(secret string) ([]byte, error) {
	key := []byte(secret)
	if text, encoded := strings.CutPrefix(secret, secretPrefix); encoded {
		var err error
		if key, err = base64.StdEncoding.DecodeString(text); err != nil {
			return nil, errors.New("notify: what follows " + secretPrefix + " in the secret is not base64")
		}
	}
	if len(key) < minSecret {
		return nil, errors.New("notify: the secret must have 16 bytes or more")
	}
	return key, nil
}

func signature(key []byte, id, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return version + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func sign(h http.Header, key []byte, id string, now time.Time, body []byte) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	h.Set(HeaderID, id)
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, signature(key, id, timestamp, body))
}

// Verify is what a receiver does first: it returns ErrSignature unless the request's body was signed
// with the secret, not longer than tolerance from now. The header may hold several signatures, with
// spaces between, while a secret is being changed.
func Verify(h http.Header, body []byte, secret string, now time.Time, tolerance time.Duration) error {
	key, err := secretKey(secret)
	if err != nil {
		return err
	}
	timestamp := h.Get(HeaderTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return ErrSignature
	}
	want := []byte(signature(key, h.Get(HeaderID), timestamp, body))
	for given := range strings.FieldsSeq(h.Get(HeaderSignature)) {
		if hmac.Equal([]byte(given), want) {
			return nil
		}
	}
	return ErrSignature
}
