-- Who may use the monitor and the interface (package infra/auth). Migration 4 is the triggers.

-- +goose Up
CREATE TABLE people (
	name       TEXT PRIMARY KEY,
	role       TEXT NOT NULL,
	password   TEXT NOT NULL,             -- argon2id in PHC form; empty: signs in at an OpenID provider
	disabled   BIGINT NOT NULL DEFAULT 0,
	epoch      BIGINT NOT NULL DEFAULT 1, -- sessions of an earlier one are over
	created_at BIGINT NOT NULL,
	login_at   BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE api_keys (
	id         TEXT PRIMARY KEY, -- public part of the key
	name       TEXT NOT NULL,
	role       TEXT NOT NULL,
	secret     TEXT NOT NULL,    -- hex SHA-256
	created_by TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL DEFAULT 0, -- 0: never
	used_at    BIGINT NOT NULL DEFAULT 0, -- to the minute
	revoked_at BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE sessions (
	token      TEXT PRIMARY KEY, -- hashed
	data       TEXT NOT NULL,    -- base64
	expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- Guesses at passwords, by what they are counted for: a name or an address, hashed.
CREATE TABLE guesses (
	who     TEXT PRIMARY KEY,
	n       BIGINT NOT NULL,
	last_at BIGINT NOT NULL
);
CREATE INDEX guesses_age ON guesses (last_at);

-- +goose Down
DROP TABLE guesses;
DROP TABLE sessions;
DROP TABLE api_keys;
DROP TABLE people;
