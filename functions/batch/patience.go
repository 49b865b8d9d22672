package batch

import (
	"io"
	"net/http"
	"time"
)

// A server's deadlines are for one picture. A batch may take as long as it likes while it moves:
// each step of its way puts them off. Runtimes without deadlines of their own (API Gateway events)
// refuse that, and need none.
const (
	stepBytes = 1 << 20
	stepTime  = time.Minute // for a step: 140 kbit/s are enough
)

// patient returns body with deadlines that move on as it is read.
func patient(w http.ResponseWriter, body io.ReadCloser) io.ReadCloser {
	return &patientReader{ReadCloser: body, control: http.NewResponseController(w)}
}

type patientReader struct {
	io.ReadCloser
	control *http.ResponseController
	left    int64 // of the step
}

func (p *patientReader) Read(b []byte) (int, error) {
	if p.left <= 0 {
		p.left = stepBytes
		_ = p.control.SetReadDeadline(time.Now().Add(stepTime))
		// What is done once the body is here takes its time, too.
		_ = p.control.SetWriteDeadline(time.Now().Add(stepTime + submitTimeout + storeTimeout))
	}
	n, err := p.ReadCloser.Read(b)
	p.left -= int64(n)
	return n, err
}

// prolong gives the client another step's time to take what is written next.
func prolong(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(stepTime))
}
