package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Key is a program's right to ask. The key itself, idp_<id>_<secret>, is shown once and kept
// nowhere: the secret is 256 random bits, so one round of SHA-256 hides it well enough.
type Key struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"` // what it is for
	Role      Role      `json:"role"`
	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"` // zero: never
	UsedAt    time.Time `json:"used_at,omitzero"`    // to the minute; zero: never
	RevokedAt time.Time `json:"revoked_at,omitzero"`

	secret string // hex SHA-256
}

// Works reports whether the key is good at the given time.
func (k Key) Works(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

const keyPrefix = "idp_"

// keyName may also be of more than one word, in any script; it is shown and recorded.
var keyName = regexp.MustCompile(`^[\pL\pN][\pL\pN ._-]{1,63}$`)

// ErrKeyName refuses a key's name.
var ErrKeyName = errors.New("auth: a key's name has 2 to 64 letters, digits, spaces, dots, dashes and underscores")

// AddKey makes a key for programs; validFor 0 is for ever. It returns the key, which is kept nowhere.
func (s *Store) AddKey(ctx context.Context, name string, role Role, validFor time.Duration, by string) (Key, string, error) {
	if !keyName.MatchString(name) {
		return Key{}, "", ErrKeyName
	}
	if role < Client || role > Admin {
		return Key{}, "", fmt.Errorf("%w: keys are client, viewer, operator or admin", ErrRole)
	}
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	secret := base64.RawURLEncoding.EncodeToString(random)
	now := s.now().Truncate(time.Microsecond).UTC()
	k := Key{ID: strings.ToLower(rand.Text())[:12], Name: name, Role: role, CreatedBy: by, CreatedAt: now, secret: hashed(secret)}
	if validFor > 0 {
		k.ExpiresAt = now.Add(validFor)
	}
	_, err := s.db.Exec(ctx, `INSERT INTO api_keys (id, name, role, secret, created_by, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		k.ID, k.Name, k.Role.String(), k.secret, k.CreatedBy, micros(k.CreatedAt), micros(k.ExpiresAt))
	if err != nil {
		return Key{}, "", fmt.Errorf("auth: adding a key: %w", err)
	}
	return k, keyPrefix + k.ID + "_" + secret, nil
}

// RevokeKey ends a key at once. Revoking twice keeps the first time.
func (s *Store) RevokeKey(ctx context.Context, id string) error {
	return one(s.db.Exec(ctx, `UPDATE api_keys SET revoked_at = CASE WHEN revoked_at = 0 THEN ? ELSE revoked_at END WHERE id = ?`, micros(s.now()), id))
}

const keyColumns = `id, name, role, secret, created_by, created_at, expires_at, used_at, revoked_at`

func scanKey(scan func(...any) error) (k Key, err error) {
	var (
		role                            string
		created, expires, used, revoked int64
	)
	if err := scan(&k.ID, &k.Name, &role, &k.secret, &k.CreatedBy, &created, &expires, &used, &revoked); err != nil {
		return Key{}, err
	}
	k.CreatedAt, k.ExpiresAt, k.UsedAt, k.RevokedAt = fromMicros(created), fromMicros(expires), fromMicros(used), fromMicros(revoked)
	k.Role, err = ParseRole(role)
	return k, err
}

// Keys returns all, the newest first.
func (s *Store) Keys(ctx context.Context) ([]Key, error) {
	rows, err := s.db.Query(ctx, `SELECT `+keyColumns+` FROM api_keys ORDER BY created_at DESC, id`)
	if err != nil {
		return nil, fmt.Errorf("auth: reading keys: %w", err)
	}
	defer rows.Close()
	keys := []Key{}
	for rows.Next() {
		k, err := scanKey(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("auth: reading keys: %w", err)
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// errBadKey says no more: an unknown, a wrong, an expired and a revoked key are alike.
var errBadKey = errors.New("auth: the key is not valid")

// use returns the key of a text, and notes at most once a minute that it was used.
func (s *Store) use(ctx context.Context, text string) (Key, error) {
	rest, ok := strings.CutPrefix(text, keyPrefix)
	id, secret, found := strings.Cut(rest, "_")
	if !ok || !found || len(id) != 12 {
		return Key{}, errBadKey
	}
	k, err := scanKey(s.db.QueryRow(ctx, `SELECT `+keyColumns+` FROM api_keys WHERE id = ?`, id).Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Key{}, errBadKey
	case err != nil:
		return Key{}, fmt.Errorf("auth: reading a key: %w", err)
	case subtle.ConstantTimeCompare([]byte(hashed(secret)), []byte(k.secret)) != 1, !k.Works(s.now()):
		return Key{}, errBadKey
	}
	if now := s.now(); now.Sub(k.UsedAt) >= time.Minute {
		if _, err := s.db.Exec(ctx, `UPDATE api_keys SET used_at = ? WHERE id = ?`, micros(now), id); err != nil {
			return Key{}, fmt.Errorf("auth: noting that a key was used: %w", err)
		}
	}
	return k, nil
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
