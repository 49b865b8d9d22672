package queue

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/google/uuid"
)

// maxMessage bounds what ParseMessage reads: ours have some 200 bytes.
const maxMessage = 4 << 10

// Message says that a task may be ready. It is a hint: whoever gets it asks the ledger. It holds
// no picture and nothing of a person.
type Message struct {
	TaskID      string `json:"task_id"`
	Kind        string `json:"kind"`
	TraceParent string `json:"traceparent,omitempty"`
	TraceState  string `json:"tracestate,omitempty"`
}

// MessageOf returns the message for a task.
func MessageOf(t Task) Message {
	return Message{TaskID: t.ID, Kind: t.Kind, TraceParent: t.TraceParent, TraceState: t.TraceState}
}

// Encode returns the message's JSON.
func (m Message) Encode() []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic("queue: a struct of strings does not encode: " + err.Error())
	}
	return b
}

// ParseMessage reads a message. Unknown fields are ignored, so that newer senders may add some.
// Errors never repeat what was in the body.
func ParseMessage(body []byte) (Message, error) {
	if len(body) > maxMessage {
		return Message{}, fmt.Errorf("queue: message of %d bytes is too long", len(body))
	}
	var m Message
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&m); err != nil {
		return Message{}, errors.New("queue: message is not the JSON expected")
	}
	if m.TaskID == "" {
		return Message{}, errors.New("queue: message names no task")
	}
	return m, nil
}

// KindUnreadable is the kind of the dead tasks that stand for messages that nobody can read.
const KindUnreadable = "unreadable"

// maxHead is how many bytes of an unreadable message are kept.
const maxHead = 1 << 10

// unreadable makes the task that shows an unreadable message: its length and its head in hex. The
// same message coming again makes the same task.
func unreadable(lane string, body []byte) Task {
	sum := sha256.Sum256(body)
	detail := fmt.Sprintf(`{"bytes":%d,"head":"%x"}`, len(body), body[:min(len(body), maxHead)])
	return Task{ID: NewID(), Kind: KindUnreadable, Lane: lane, State: Dead, Code: CodeUnreadable, MaxAttempts: 1,
		IdempotencyKey: "unreadable-" + hex.EncodeToString(sum[:]), Digest: hex.EncodeToString(sum[:]), Detail: json.RawMessage(detail)}
}

// NewID returns a task id: a UUIDv7, so ids sort by creation.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// TaskPrefix is the blob key prefix of everything that belongs to a task: its input and the
// results of every attempt. Erasing a task is deleting this prefix.
func TaskPrefix(id string) string { return "tasks/" + id + "/" }

// BatchPrefix is the blob key prefix of what belongs to a batch as a whole: its manifest.
func BatchPrefix(id string) string { return "batches/" + id + "/" }

// ResultPrefix is the blob key prefix that one attempt writes under.
func ResultPrefix(id string, attempt int) string {
	return TaskPrefix(id) + strconv.Itoa(attempt) + "/"
}
