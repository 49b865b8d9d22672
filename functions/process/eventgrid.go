package process

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"

	"idphoto/functions/api"
	"idphoto/functions/problem"
	"idphoto/pipeline/fault"
)

// validationEvent is how Event Grid asks, in its own schema, whether we want its events.
const validationEvent = "Microsoft.EventGrid.SubscriptionValidationEvent"

// event is one of Azure Event Grid's: its own schema and CloudEvents differ in names.
type event struct {
	EventType string          `json:"eventType"` // Event Grid schema
	Type      string          `json:"type"`      // CloudEvents
	Data      json.RawMessage `json:"data"`
	Base64    []byte          `json:"data_base64"` // CloudEvents, for data that is no JSON
}

// eventGrid takes events whose data is one of our messages each: as an object, as a text, or in
// data_base64. It also answers the question that comes before the first event.
func (p *push) eventGrid(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	events, err := readEvents(body)
	if err != nil {
		return fault.New(problem.BadRequest, err)
	}
	if code, asked := validationCode(events); asked {
		return api.JSON(w, http.StatusOK, map[string]string{"validationResponse": code})
	}
	messages := make([][]byte, len(events))
	for i, e := range events {
		messages[i] = e.message()
	}
	return p.take(w, r, messages)
}

// readEvents reads a list of events, or a single one as CloudEvents come.
func readEvents(body []byte) ([]event, error) {
	body = bytes.TrimSpace(body)
	if !bytes.HasPrefix(body, []byte("[")) {
		body = bytes.Join([][]byte{[]byte("["), body, []byte("]")}, nil)
	}
	var events []event
	if err := json.Unmarshal(body, &events); err != nil {
		return nil, err
	}
	if len(events) == 0 {
		return nil, errors.New("no event in it")
	}
	for _, e := range events {
		if e.EventType == "" && e.Type == "" {
			return nil, errors.New("an event without a type")
		}
	}
	return events, nil
}

// validationCode returns what the question wants to hear. It comes alone.
func validationCode(events []event) (code string, asked bool) {
	e := events[0]
	if e.EventType != validationEvent && e.Type != validationEvent {
		return "", false
	}
	var data struct {
		Code string `json:"validationCode"`
	}
	_ = json.Unmarshal(e.Data, &data) // without a code the answer is wrong, and so was the question
	return data.Code, true
}

func (e event) message() []byte {
	if len(e.Base64) > 0 {
		return e.Base64
	}
	var text string
	if json.Unmarshal(e.Data, &text) == nil && text != "" {
		return []byte(text)
	}
	return e.Data
}

// agree answers the question that comes before the first CloudEvent: whoever knows the token may
// send.
func agree(w http.ResponseWriter, r *http.Request) error {
	origin := r.Header.Get("WebHook-Request-Origin")
	if origin == "" {
		return fault.New(problem.BadRequest, errors.New("no WebHook-Request-Origin"))
	}
	w.Header().Set("WebHook-Allowed-Origin", origin)
	w.Header().Set("WebHook-Allowed-Rate", "*")
	w.WriteHeader(http.StatusOK)
	return nil
}
