package sqlledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"idphoto/queue"
)

const (
	// claimTask makes a task the worker's. A condition follows: who may have it.
	claimTask = `UPDATE tasks SET state = 'running', stage = '', code = '', attempts = attempts + 1, worker = ?, token = ?,
		lease_until = ?, ready_at = CASE WHEN state = 'running' THEN lease_until ELSE due_at END, claimed_at = ?, updated_at = ?, started_at = CASE WHEN started_at = 0 THEN ? ELSE started_at END
		WHERE id = ?`

	// whenReady is the common case: a waiting task that is due, in a lane that is not paused.
	whenReady = ` AND state IN ('queued', 'retrying') AND due_at <= ? AND cancel_requested = 0 AND attempts < max_attempts
		AND NOT EXISTS (SELECT 1 FROM lanes WHERE lanes.lane = tasks.lane AND lanes.paused_at > 0)`
)

// Claim is one conditional update: the guard decides who gets the task, the database that there
// is only one. What the update refuses is looked at again under a lock.
func (l *Ledger) Claim(ctx context.Context, id, worker string, lease time.Duration) (*queue.Claim, error) {
	now := l.now()
	c := &queue.Claim{Worker: worker, Token: rand.Text()}
	args := []any{worker, c.Token, micros(now.Add(lease)), micros(now), micros(now), micros(now), id}
	r, err := scanTask(l.queryRow(ctx, l.write, claimTask+whenReady+` RETURNING `+columns, append(args, micros(now))...).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		r, err = l.claimOtherwise(ctx, id, now, args)
	}
	if err != nil {
		return nil, fmt.Errorf("sqlledger: claim: %w", err)
	}
	c.Task, c.Attempt = r.Task, r.Attempts
	return c, nil
}

// claimOtherwise takes over a task whose lease is over, or says why it cannot be claimed.
func (l *Ledger) claimOtherwise(ctx context.Context, id string, now time.Time, claim []any) (row, error) {
	var claimed row
	paused := false
	err := l.inTx(ctx, func(tx *transaction) error {
		r, err := l.locked(ctx, tx, id)
		if err != nil {
			return err
		}
		leaseOver := r.State == queue.Running && !r.leaseUntil.After(now)
		ready := (r.State == queue.Queued || r.State == queue.Retrying) && !r.DueAt.After(now)
		if r.CancelRequested || r.Attempts >= r.MaxAttempts || (!leaseOver && !ready) {
			return queue.ErrNotClaimable
		}
		if paused, err = l.paused(ctx, tx, r.Lane); err != nil {
			return err
		}
		if paused {
			return tx.exec(ctx, unpublish, id)
		}
		if leaseOver {
			if err := tx.exec(ctx, lostAttempt, string(queue.Retrying), queue.CodeLeaseLost, micros(now), id); err != nil {
				return fmt.Errorf("lost attempt's row: %w", err)
			}
		}
		claimed, err = scanTask(tx.queryRow(ctx, claimTask+` RETURNING `+columns, claim...).Scan)
		return err
	})
	if err == nil && paused {
		err = queue.ErrPaused
	}
	return claimed, err
}

// Renew prolongs the lease and notes the stage. A server that crashes may forget it: then the next
// one counts.
func (l *Ledger) Renew(ctx context.Context, c *queue.Claim, stage string, lease time.Duration) error {
	now := l.now()
	var cancel int64
	err := l.queryRow(ctx, l.write, `UPDATE tasks SET lease_until = ?, stage = ?, updated_at = ?`+l.d.lightly+`
		WHERE id = ? AND token = ? AND `+isRunning+` RETURNING cancel_requested`,
		micros(now.Add(lease)), stage, micros(now), c.Task.ID, c.Token).Scan(&cancel)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return queue.ErrLeaseLost
	case err != nil:
		return fmt.Errorf("sqlledger: renew: %w", err)
	case cancel != 0:
		return queue.ErrCancelled
	}
	return nil
}
