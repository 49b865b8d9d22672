package sqlledger

import (
	"context"
	"errors"
	"time"

	"idphoto/queue"
)

var errTodo = errors.New("sqlledger: to be written")

func (l *Ledger) List(ctx context.Context, f queue.Filter, after queue.Cursor, limit int) (r0 []queue.Task, r1 queue.Cursor, err error) {
	err = errTodo
	return
}
func (l *Ledger) FindFinished(ctx context.Context, digest string) (r0 queue.Task, err error) {
	err = errTodo
	return
}
func (l *Ledger) Record(ctx context.Context, e queue.AuditEntry) (err error) { err = errTodo; return }
func (l *Ledger) AuditLog(ctx context.Context, before int64, limit int) (r0 []queue.AuditEntry, err error) {
	err = errTodo
	return
}
func (l *Ledger) Heartbeat(ctx context.Context, w queue.WorkerInfo) (r0 bool, err error) {
	err = errTodo
	return
}
func (l *Ledger) Drain(ctx context.Context, name string) (err error) { err = errTodo; return }
func (l *Ledger) Workers(ctx context.Context) (r0 []queue.WorkerInfo, err error) {
	err = errTodo
	return
}
func (l *Ledger) MarkLost(ctx context.Context, forget time.Time) (r0 []queue.WorkerInfo, err error) {
	err = errTodo
	return
}
func (l *Ledger) Purgeable(ctx context.Context, step int, endedBefore time.Time, limit int) (r0 []queue.Task, err error) {
	err = errTodo
	return
}
func (l *Ledger) Purged(ctx context.Context, step int, ids []string) (err error) {
	err = errTodo
	return
}
func (l *Ledger) PurgeableBatches(ctx context.Context, step int, endedBefore time.Time, limit int) (r0 []queue.Batch, err error) {
	err = errTodo
	return
}
func (l *Ledger) PurgedBatches(ctx context.Context, step int, ids []string) (err error) {
	err = errTodo
	return
}
func (l *Ledger) RollUp(ctx context.Context, limit int) (r0 int, err error) { err = errTodo; return }
func (l *Ledger) Sample(ctx context.Context) (err error)                    { err = errTodo; return }
func (l *Ledger) History(ctx context.Context, from, to time.Time, step time.Duration) (r0 []queue.Period, err error) {
	err = errTodo
	return
}
