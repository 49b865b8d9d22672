package drill

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"time"

	"idphoto/pipeline/fault"
	"idphoto/queue"
	"idphoto/queue/sqlledger"
)

// knobs are the ways to break the house. Only the drill's goroutine turns them, and only while the
// worker has nothing in hand but what hangs.
type knobs struct {
	perStep       int             // photos submitted to each lane in a step
	held          map[string]bool // lanes whose messages are not delivered
	copies        int             // of each message
	workerRuns    bool
	janitorWorks  bool
	canariesFly   bool
	transportDown bool // it takes no messages
	claimsFail    bool // the ledger answers no claims
	readsFail     bool // nor whoever wants to know how it stands

	failEvery int    // each so many-th photo fails, to be tried again; 0: none
	failNext  int    // so many photos fail for good
	reject    bool   // the rules reject all photos
	photos    int    // made so far, to count by
	hang      func() // a photo that does not end until this is called; nil: none
	hung      chan struct{}
	hangs     chan struct{} // closed when it has begun
	hungSince time.Time
}

// reset has everything work. A scene's traces in the ledger are its own to remove.
func (k *knobs) reset() {
	k.release()
	*k = knobs{perStep: 2, held: make(map[string]bool), copies: 1, workerRuns: true, janitorWorks: true, canariesFly: true, photos: k.photos}
}

// broken says that calls of the service may fail now.
func (k *knobs) broken() bool { return k.transportDown || k.claimsFail || k.readsFail }

// hangNext has the next photo hang.
func (k *knobs) hangNext() {
	k.hung = make(chan struct{})
	k.hang = func() { close(k.hung) }
}

// release ends what hangs.
func (k *knobs) release() {
	if k.hang != nil {
		k.hang()
		k.hang, k.hungSince = nil, time.Time{}
	}
}

var (
	errDown   = errors.New("drill: the transport takes no messages")
	errAway   = errors.New("drill: the ledger does not answer")
	errBroken = errors.New("drill: something that is needed does not answer")
)

// answer is what becomes of a photo.
func (k *knobs) answer() error {
	k.photos++
	switch {
	case k.hangs != nil:
		begun, hung := k.hangs, k.hung
		k.hangs = nil
		close(begun)
		<-hung
	case k.failNext > 0:
		k.failNext--
		return queue.Permanent(errBroken)
	case k.failEvery > 0 && k.photos%k.failEvery == 0:
		return fmt.Errorf("%w: %w", errBroken, context.DeadlineExceeded)
	case k.reject:
		return fault.New(fault.NoFace, nil)
	}
	return nil
}

// brittle is a ledger that can be away.
type brittle struct {
	*sqlledger.Ledger
	knobs *knobs
}

func (b *brittle) Claim(ctx context.Context, id, worker string, lease time.Duration) (*queue.Claim, error) {
	if b.knobs.claimsFail {
		return nil, errAway
	}
	return b.Ledger.Claim(ctx, id, worker, lease)
}

func (b *brittle) LaneStates(ctx context.Context) ([]queue.LaneState, error) {
	if b.knobs.readsFail {
		return nil, errAway
	}
	return b.Ledger.LaneStates(ctx)
}

// Heartbeat drops the worker's own registrations, which are by the clock on the wall: house.beat makes
// them by the drill's.
func (b *brittle) Heartbeat(context.Context, queue.WorkerInfo) (bool, error) { return false, nil }

// onePicture is small, and a picture: nobody looks at it.
var onePicture = func() []byte {
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, 100, 120))); err != nil {
		panic(err) // memory takes every byte
	}
	return out.Bytes()
}()
