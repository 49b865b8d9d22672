package monitor

import (
	"net/http"
	"time"

	"idphoto/queue"
)

// batchView is a batch as the ledger knows it: numbers and the operator's own word, no names.
type batchView struct {
	ID         string                `json:"id"`
	Name       string                `json:"name"`
	Total      int64                 `json:"total"`
	Refused    int64                 `json:"refused"` // files that became no task
	Done       int64                 `json:"done"`
	Counts     map[queue.State]int64 `json:"counts"`
	Erased     bool                  `json:"erased,omitempty"`
	Expired    bool                  `json:"expired,omitempty"` // names went when their time was over
	CreatedAt  time.Time             `json:"created_at"`
	FinishedAt *time.Time            `json:"finished_at,omitempty"`
	Left       *time.Duration        `json:"left_ns,omitempty"` // absent while nobody can tell
}

func batchOf(b queue.Batch, now time.Time) batchView {
	v := batchView{ID: b.ID, Name: b.Name, Total: b.Total, Refused: b.Refused, Done: b.Done(), Counts: map[queue.State]int64{},
		Erased: b.Erased, Expired: b.ManifestKey == "" && !b.Erased, CreatedAt: b.CreatedAt.UTC()}
	for s, n := range b.Counts {
		if n != 0 {
			v.Counts[s] = n
		}
	}
	if !b.FinishedAt.IsZero() {
		v.FinishedAt = new(b.FinishedAt.UTC())
	}
	if left, ok := b.Left(now); ok && !v.Finished() {
		v.Left = new(max(0, left))
	}
	return v
}

// Finished reports whether every task of the batch has ended.
func (v batchView) Finished() bool { return v.Done >= v.Total }

// Share is how much has ended, of 1.
func (v batchView) Share() float64 {
	if v.Total == 0 {
		return 1
	}
	return float64(v.Done) / float64(v.Total)
}

// Bad is how many tasks ended without a photo, and not because somebody stopped them.
func (v batchView) Bad() int64 { return v.Counts[queue.Rejected] + v.Counts[queue.Dead] }

// Bars are the parts of the progress bar, in percent of the batch, in the order in which they lie.
func (v batchView) Bars() []batchBar {
	var bars []batchBar
	x := 0.0
	for _, s := range []queue.State{queue.Succeeded, queue.Rejected, queue.Dead, queue.Cancelled, queue.Running, queue.Retrying} {
		if n := v.Counts[s]; n > 0 && v.Total > 0 {
			width := 100 * float64(n) / float64(v.Total)
			bars = append(bars, batchBar{s, x, width})
			x += width
		}
	}
	return bars
}

type batchBar struct {
	State    queue.State
	X, Width float64
}

// batchesModel is a page of batches, the newest first.
type batchesModel struct {
	Batches []batchView `json:"batches"`
	Next    string      `json:"next,omitempty"` // id to go on after

	First string `json:"-"`
	More  string `json:"-"`
}

const batchesPage = 50

func (m *Monitor) batches(r *http.Request) (any, error) {
	after := word(r.URL.Query(), "after")
	if len(after) > maxFilterWord {
		return nil, badField("after")
	}
	found, err := m.ledger.ListBatches(r.Context(), after, batchesPage+1)
	if err != nil {
		return nil, err
	}
	p := batchesModel{Batches: []batchView{}}
	for _, b := range found[:min(len(found), batchesPage)] {
		p.Batches = append(p.Batches, batchOf(b, m.opts.Now()))
	}
	if after != "" {
		p.First = Base + "/batches"
	}
	if len(found) > batchesPage {
		p.Next = found[batchesPage-1].ID
		p.More = Base + "/batches?after=" + p.Next
	}
	return p, nil
}
