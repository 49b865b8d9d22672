package notify

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

// TestTheSignatureIsTheStandards compares with the example in the Standard Webhooks specification's
// libraries, so that these can check ours.
func TestTheSignatureIsTheStandards(t *testing.T) {
	key, err := secretKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	const want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	if got := signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)); got != want {
		t.Errorf("signature = %s, want %s", got, want)
	}
}

func TestVerify(t *testing.T) {
	key, err := secretKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_764_000_000, 0)
	body := []byte(`{"event":"task.dead"}`)
	signed := func(change func(http.Header)) http.Header {
		h := make(http.Header)
		sign(h, key, "id", now, body)
		change(h)
		return h
	}
	for name, tc := range map[string]struct {
		h      http.Header
		body   string
		secret string
		now    time.Time
		ok     bool
	}{
		"as sent":           {signed(func(http.Header) {}), string(body), secret, now.Add(time.Minute), true},
		"two signatures":    {signed(func(h http.Header) { h.Set(HeaderSignature, "v1,x "+h.Get(HeaderSignature)) }), string(body), secret, now, true},
		"another body":      {signed(func(http.Header) {}), `{"event":"task.born"}`, secret, now, false},
		"another secret":    {signed(func(http.Header) {}), string(body), "another secret of some length", now, false},
		"another id":        {signed(func(h http.Header) { h.Set(HeaderID, "other") }), string(body), secret, now, false},
		"another timestamp": {signed(func(h http.Header) { h.Set(HeaderTimestamp, "1764000001") }), string(body), secret, now, false},
		"too old":           {signed(func(http.Header) {}), string(body), secret, now.Add(6 * time.Minute), false},
		"from the future":   {signed(func(http.Header) {}), string(body), secret, now.Add(-6 * time.Minute), false},
		"no headers":        {make(http.Header), string(body), secret, now, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := Verify(tc.h, []byte(tc.body), tc.secret, tc.now, 5*time.Minute)
			if tc.ok != (err == nil) || err != nil && !errors.Is(err, ErrSignature) {
				t.Errorf("Verify = %v, want ok %v", err, tc.ok)
			}
		})
	}
}
