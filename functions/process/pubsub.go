package process

import (
	"encoding/json"
	"errors"
	"net/http"

	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
)

// pubSub takes what a Google Pub/Sub push subscription sends with wrapping, its default.
func (p *push) pubSub(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	message, err := unwrapPubSub(body)
	if err != nil {
		return fault.New(problem.BadRequest, err)
	}
	return p.take(w, r, [][]byte{message})
}

// unwrapPubSub returns the message in a push's body. One without data is empty: the worker calls it
// unreadable, not the request.
func unwrapPubSub(body []byte) ([]byte, error) {
	var envelope struct {
		Message *struct {
			Data []byte `json:"data"` // base64 in JSON
		} `json:"message"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return nil, err
	}
	if envelope.Message == nil {
		return nil, errors.New("no message in it")
	}
	return envelope.Message.Data, nil
}
