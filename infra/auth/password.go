package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"
	"golang.org/x/text/unicode/norm"
)

// cost is what computing one hash takes.
type cost struct {
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
}

// newCost is of the hashes made here: OWASP's second choice for argon2id (Password Storage Cheat
// Sheet, 2024), 19 MiB and about 30 ms.
var newCost = cost{memory: 19 << 10, time: 2, threads: 1}

// maxCost bounds hashes that come in from outside (ADMIN_PASSWORD_HASH).
var maxCost = cost{memory: 64 << 10, time: 10, threads: 4}

const (
	saltBytes = 16
	hashBytes = 32

	minPassword = 12   // characters
	maxPassword = 1024 // bytes
)

// hashing bounds how many hashes are computed at once, whoever asks: two take 38 MiB, and guesses
// wait for each other instead of eating the memory.
var hashing = semaphore.NewWeighted(2)

// ErrPassword refuses a password that is easy to guess or too long to be one.
var ErrPassword = fmt.Errorf("auth: a password has at least %d characters, at most %d bytes, and is not the name", minPassword, maxPassword)

// checkPassword says whether somebody called name may have the password. Length is the rule; a mix
// of kinds of characters is not asked for, as NIST SP 800-63B advises.
func checkPassword(name, password string) error {
	if !utf8.ValidString(password) || len(password) > maxPassword || utf8.RuneCountInString(password) < minPassword ||
		strings.EqualFold(password, name) {
		return ErrPassword
	}
	if first, _ := utf8.DecodeRuneInString(password); strings.Trim(password, string(first)) == "" {
		return ErrPassword // one character all along
	}
	return nil
}

// newPassword makes one that nobody needs to type often: 100 random bits.
func newPassword() string {
	letters := strings.ToLower(rand.Text())[:20]
	return strings.Join([]string{letters[:5], letters[5:10], letters[10:15], letters[15:]}, "-")
}

// Hash returns the argon2id hash of a password in PHC form, $argon2id$v=19$m=...,t=...,p=...$salt$hash.
func Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails
	key, err := derive(ctx, password, salt, newCost, hashBytes)
	if err != nil {
		return "", err
	}
	return phc{newCost, salt, key}.String(), nil
}

// ValidHash reports what is wrong with a hash in PHC form.
func ValidHash(hash string) error {
	_, err := parsePHC(hash)
	return err
}

// matches reports whether hash is of password. It takes the same time for every password.
func matches(ctx context.Context, hash, password string) (bool, error) {
	h, err := parsePHC(hash)
	if err != nil {
		return false, err
	}
	if len(password) > maxPassword {
		password = "" // nobody's; long texts must not cost more
	}
	key, err := derive(ctx, password, h.salt, h.cost, uint32(len(h.key)))
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, h.key) == 1, nil
}

// derive computes a hash when its turn comes. Equal passwords typed on different keyboards are
// equal here: Unicode has two forms of many letters.
func derive(ctx context.Context, password string, salt []byte, c cost, bytes uint32) ([]byte, error) {
	if err := hashing.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("auth: waiting to compute a hash: %w", err)
	}
	defer hashing.Release(1)
	return argon2.IDKey(norm.NFC.AppendString(nil, password), salt, c.time, c.memory, c.threads, bytes), nil
}

// phc is a hash with what it takes to compute it again.
type phc struct {
	cost
	salt, key []byte
}

func (h phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads,
		b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

var errHash = errors.New("auth: not an argon2id hash in PHC form, $argon2id$v=19$m=...,t=...,p=...$salt$hash, of at most 64 MiB, 10 passes, 4 threads")

func parsePHC(s string) (h phc, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return phc{}, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.time, &h.threads); err != nil {
		return phc{}, errHash
	}
	var saltErr, keyErr error
	h.salt, saltErr = base64.RawStdEncoding.DecodeString(parts[4])
	h.key, keyErr = base64.RawStdEncoding.DecodeString(parts[5])
	switch {
	case saltErr != nil, keyErr != nil, len(h.salt) < 8, len(h.key) < 16, len(h.key) > 64:
	case h.time < 1, h.threads < 1, h.memory < 8*uint32(h.threads):
	case h.memory > maxCost.memory, h.time > maxCost.time, h.threads > maxCost.threads:
	case h.String() != s: // as 19MiB for 19
	default:
		return h, nil
	}
	return phc{}, errHash
}
