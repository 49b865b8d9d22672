package photo

import "idphoto/queue"

// Held tells whether t has a photo that somebody has to look at before it is handed out: see
// queue.Rejection and Ledger.Accept.
func Held(t queue.Task) bool {
	return t.State == queue.Rejected && t.ResultPrefix != "" && !t.Erased && !t.Expired
}
