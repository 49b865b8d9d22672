package auth

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestAHashIsOfItsPassword(t *testing.T) {
	hash, err := Hash(t.Context(), "zażółć gęślą jaźń")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || ValidHash(hash) != nil {
		t.Errorf("the hash is %s, want argon2id with 19 MiB and 2 passes", hash)
	}
	for password, want := range map[string]bool{
		"zażółć gęślą jaźń":                                                 true,
		"zaz\u0307o\u0301łc\u0301 ge\u0328s\u0301la\u0328 jaz\u0301n\u0301": true, // as another keyboard writes it
		"zażółć gęślą jaźn":                                                 false,
		"":                                                                  false,
		strings.Repeat("x", 1<<20):                                          false,
	} {
		if got, err := matches(t.Context(), hash, password); got != want || err != nil {
			t.Errorf("matches(%.20q) = %v, %v; want %v", password, got, err, want)
		}
	}
	again, err := Hash(t.Context(), "zażółć gęślą jaźń")
	if err != nil || again == hash {
		t.Errorf("two hashes of one password are alike (%v): there is no salt", err)
	}
}

func TestOnlyHashesThatCanBeComputedAreTaken(t *testing.T) {
	const salt, key = "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for name, hash := range map[string]string{
		"empty":           "",
		"a password":      "hunter2",
		"another kind":    "$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + key,
		"another version": "$argon2id$v=16$m=19456,t=2,p=1$" + salt + "$" + key,
		"too much memory": "$argon2id$v=19$m=1048576,t=2,p=1$" + salt + "$" + key,
		"too many passes": "$argon2id$v=19$m=19456,t=1000,p=1$" + salt + "$" + key,
		"no pass":         "$argon2id$v=19$m=19456,t=0,p=1$" + salt + "$" + key,
		"no thread":       "$argon2id$v=19$m=19456,t=2,p=0$" + salt + "$" + key,
		"a unit":          "$argon2id$v=19$m=19456,t=2,p=1k$" + salt + "$" + key,
		"no salt":         "$argon2id$v=19$m=19456,t=2,p=1$$" + key,
		"a short key":     "$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$AAAA",
		"not base64":      "$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + key[:42] + "!",
	} {
		if err := ValidHash(hash); err == nil {
			t.Errorf("%s: %q was taken", name, hash)
		}
	}
	if err := ValidHash("$argon2id$v=19$m=65536,t=3,p=4$" + salt + "$" + key); err != nil {
		t.Errorf("RFC 9106's second choice is refused: %v", err)
	}
}

func TestGuessesCannotEatTheMemory(t *testing.T) {
	for range 2 {
		if !hashing.TryAcquire(1) {
			t.Fatal("fewer than two hashes at once")
		}
	}
	defer hashing.Release(2)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Hash(ctx, "a third one at once"); !errors.Is(err, context.Canceled) {
		t.Errorf("a third hash = %v, want it to wait", err)
	}
}

func TestANameThatNobodyHasTakesAsLong(t *testing.T) {
	h, err := parsePHC(noHash)
	if err != nil || h.cost != newCost {
		t.Fatalf("the stand-in costs %v (%v), want %v", h.cost, err, newCost)
	}
	if same, err := matches(t.Context(), noHash, ""); same || err != nil {
		t.Errorf("it matches: %v, %v", same, err)
	}
}

func TestWeakPasswordsAreRefused(t *testing.T) {
	for password, ok := range map[string]bool{
		"correct horse battery":     true,
		"一二三四五六七八九十百千":              true,
		"":                          false,
		"short":                     false,
		"elevenchars":               false,
		"Administrator":             false, // the name
		"aaaaaaaaaaaaaaaa":          false,
		"not \xff\xff UTF-8 at all": false,
		strings.Repeat("ab", 1000):  false,
	} {
		if err := checkPassword("administrator", password); (err == nil) != ok {
			t.Errorf("checkPassword(%.20q) = %v", password, err)
		}
	}
	if p := newPassword(); checkPassword("x", p) != nil || p == newPassword() {
		t.Errorf("the random password %q is weak", p)
	}
}
