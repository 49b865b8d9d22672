package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Person is somebody who may use the monitor.
type Person struct {
	Name      string    `json:"name"` // in lower case; an e-mail address for people of an OpenID provider
	Role      Role      `json:"role"`
	Foreign   bool      `json:"foreign"` // signs in at the OpenID provider: no password here
	Disabled  bool      `json:"disabled"`
	CreatedAt time.Time `json:"created_at"`
	LoginAt   time.Time `json:"login_at,omitzero"` // the last one; zero for never

	password string // PHC
	epoch    int64  // of the sessions that still count
}

// personName is what a person with a password may be called. It has no @, so that nobody here can
// be taken for somebody of an OpenID provider.
var personName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,63}$`)

func personRole(role Role) error {
	if role < Viewer || role > Admin {
		return fmt.Errorf("%w: people are viewer, operator or admin", ErrRole)
	}
	return nil
}

// AddPerson adds somebody with a password. An empty password is replaced by a random one. It
// returns the password in force, which is kept nowhere.
func (s *Store) AddPerson(ctx context.Context, name string, role Role, password string) (string, error) {
	name = strings.ToLower(name)
	if !personName.MatchString(name) {
		return "", ErrName
	}
	if err := personRole(role); err != nil {
		return "", err
	}
	password, hash, err := chosen(ctx, name, password)
	if err != nil {
		return "", err
	}
	return password, s.insertPerson(ctx, name, role, hash)
}

func (s *Store) insertPerson(ctx context.Context, name string, role Role, hash string) error {
	n, err := s.db.Exec(ctx, `INSERT INTO people (name, role, password, created_at) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO NOTHING`,
		name, role.String(), hash, micros(s.now()))
	switch {
	case err != nil:
		return fmt.Errorf("auth: adding a person: %w", err)
	case n == 0:
		return ErrTaken
	}
	return nil
}

// HashChosen returns a password that the first admin may have, or a random one in place of an empty
// one, and its hash for Options.AdminHash.
func HashChosen(ctx context.Context, password string) (_, hash string, err error) {
	return chosen(ctx, firstAdminName, password)
}

// chosen returns the password, or a random one in place of an empty one, and its hash.
func chosen(ctx context.Context, name, password string) (_, hash string, err error) {
	if password == "" {
		password = newPassword()
	}
	if err := checkPassword(name, password); err != nil {
		return "", "", err
	}
	hash, err = Hash(ctx, password)
	return password, hash, err
}

// SetPassword gives somebody another password; an empty one is replaced by a random one. All
// sessions of the person are over. It returns the password in force.
func (s *Store) SetPassword(ctx context.Context, name, password string) (string, error) {
	name = strings.ToLower(name)
	p, err := s.Person(ctx, name)
	switch {
	case err != nil:
		return "", err
	case p.Foreign:
		return "", ErrForeign
	}
	password, hash, err := chosen(ctx, name, password)
	if err != nil {
		return "", err
	}
	if err := one(s.db.Exec(ctx, `UPDATE people SET password = ?, epoch = epoch + 1 WHERE name = ?`, hash, name)); err != nil {
		return "", fmt.Errorf("auth: setting a password: %w", err)
	}
	return password, nil
}

// anotherAdmin keeps the last admin who can sign in from being taken away.
const anotherAdmin = ` AND (role <> 'admin' OR disabled = 1 OR EXISTS
	(SELECT 1 FROM people AS p WHERE p.name <> people.name AND p.role = 'admin' AND p.disabled = 0))`

// SetRole changes what somebody may do, at once. ErrLastAdmin keeps one admin.
func (s *Store) SetRole(ctx context.Context, name string, role Role) error {
	if err := personRole(role); err != nil {
		return err
	}
	p, err := s.Person(ctx, name)
	switch {
	case err != nil:
		return err
	case p.Foreign:
		return ErrForeign
	case role == p.Role:
		return nil
	}
	return s.changeAdmin(ctx, `UPDATE people SET role = ? WHERE name = ?`+anotherAdmin, role.String(), p.Name)
}

// SetDisabled locks somebody out, and ends all sessions of the person, or lets them in again.
// ErrLastAdmin keeps one admin.
func (s *Store) SetDisabled(ctx context.Context, name string, disabled bool) error {
	p, err := s.Person(ctx, name)
	if err != nil {
		return err
	}
	if !disabled {
		return s.changeAdmin(ctx, `UPDATE people SET disabled = 0 WHERE name = ?`, p.Name)
	}
	return s.changeAdmin(ctx, `UPDATE people SET disabled = 1, epoch = epoch + 1 WHERE name = ?`+anotherAdmin, p.Name)
}

// changeAdmin runs an update of a person who is there.
func (s *Store) changeAdmin(ctx context.Context, query string, args ...any) error {
	n, err := s.db.Exec(ctx, query, args...)
	switch {
	case err != nil:
		return fmt.Errorf("auth: changing a person: %w", err)
	case n == 0:
		return ErrLastAdmin
	}
	return nil
}

const personColumns = `name, role, password, disabled, epoch, created_at, login_at`

func scanPerson(scan func(...any) error) (Person, error) {
	var (
		p                         Person
		role                      string
		disabled, created, logged int64
	)
	if err := scan(&p.Name, &role, &p.password, &disabled, &p.epoch, &created, &logged); err != nil {
		return Person{}, err
	}
	p.Foreign, p.Disabled = p.password == "", disabled != 0
	p.CreatedAt, p.LoginAt = fromMicros(created), fromMicros(logged)
	var err error
	p.Role, err = ParseRole(role)
	return p, err
}

// Person returns ErrNotFound for an unknown name.
func (s *Store) Person(ctx context.Context, name string) (Person, error) {
	p, err := scanPerson(s.db.QueryRow(ctx, `SELECT `+personColumns+` FROM people WHERE name = ?`, strings.ToLower(name)).Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return Person{}, ErrNotFound
	case err != nil:
		return Person{}, fmt.Errorf("auth: reading a person: %w", err)
	}
	return p, nil
}

// People returns all, by name.
func (s *Store) People(ctx context.Context) ([]Person, error) {
	rows, err := s.db.Query(ctx, `SELECT `+personColumns+` FROM people ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("auth: reading people: %w", err)
	}
	defer rows.Close()
	people := []Person{}
	for rows.Next() {
		p, err := scanPerson(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("auth: reading people: %w", err)
		}
		people = append(people, p)
	}
	return people, rows.Err()
}

// HasPeople reports whether anybody can sign in.
func (s *Store) HasPeople(ctx context.Context) (bool, error) {
	var n int
	err := s.db.QueryRow(ctx, `SELECT COUNT(*) FROM people WHERE disabled = 0`).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("auth: counting people: %w", err)
	}
	return n > 0, nil
}

// welcome notes a sign-in.
func (s *Store) welcome(ctx context.Context, name string) error {
	_, err := s.db.Exec(ctx, `UPDATE people SET login_at = ? WHERE name = ?`, micros(s.now()), name)
	return err
}

// vouched returns the person whom an OpenID provider vouches for, with the role that the settings
// give now. Somebody new is added.
func (s *Store) vouched(ctx context.Context, email string, role Role) (Person, error) {
	_, err := s.db.Exec(ctx, `INSERT INTO people (name, role, password, created_at) VALUES (?, ?, '', ?)
		ON CONFLICT (name) DO UPDATE SET role = excluded.role WHERE people.password = '' AND people.role <> excluded.role`, email, role.String(), micros(s.now()))
	if err != nil {
		return Person{}, fmt.Errorf("auth: adding a person of the OpenID provider: %w", err)
	}
	return s.Person(ctx, email)
}
