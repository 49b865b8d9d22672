package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"golang.org/x/term"

	"idphoto/infra/auth"
	"idphoto/queue/sqlledger"
)

// usersCmd keeps the people who may use the monitor. It works on the ledger itself, so that the
// first of them can be there before a server listens to strangers, and that a lost password can be
// replaced.
type usersCmd struct {
	Add     userAddCmd     `cmd:"" help:"Add somebody; makes the ledger when there is none."`
	List    userListCmd    `cmd:"" help:"List people."`
	Passwd  userPasswdCmd  `cmd:"" help:"Set somebody's password; their sessions end."`
	Role    userRoleCmd    `cmd:"" help:"Set somebody's role."`
	Disable userDisableCmd `cmd:"" help:"Lock somebody out; their sessions end."`
	Enable  userEnableCmd  `cmd:"" help:"Let somebody in again."`
	Hash    userHashCmd    `cmd:"" help:"Print the hash of a password, for ADMIN_PASSWORD_HASH."`
}

type userAddCmd struct {
	newPassword `embed:""`
	Name        string     `arg:"" help:"The name to sign in with: a-z, 0-9, dot, dash, underscore."`
	Role        string     `default:"viewer" enum:"viewer,operator,admin" help:"viewer, operator or admin."`
	Stores      storeFlags `embed:""`
}

// Run adds the person.
func (c *userAddCmd) Run(ctx context.Context, out io.Writer) (err error) {
	role, err := auth.ParseRole(c.Role)
	if err != nil {
		return err
	}
	password, err := c.read(out)
	if err != nil {
		return err
	}
	l, err := sqlledger.Open(ctx, c.Stores.ledgerURL(), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	password, err = people(l).AddPerson(ctx, c.Name, role, password)
	if err != nil {
		return err
	}
	c.show(out, password)
	return audit(ctx, l, "person_add", strings.ToLower(c.Name)+" "+c.Role, 1)
}

type userPasswdCmd struct {
	newPassword `embed:""`
	Name        string     `arg:"" help:"Whose."`
	Stores      storeFlags `embed:""`
}

// Run sets the password.
func (c *userPasswdCmd) Run(ctx context.Context, out io.Writer) error {
	password, err := c.read(out)
	if err != nil {
		return err
	}
	return changePerson(ctx, &c.Stores, "person_password", c.Name, func(s *auth.Store) error {
		password, err := s.SetPassword(ctx, c.Name, password)
		if err == nil {
			c.show(out, password)
		}
		return err
	})
}

type userRoleCmd struct {
	Name   string     `arg:"" help:"Whose."`
	Role   string     `arg:"" enum:"viewer,operator,admin" help:"viewer, operator or admin."`
	Stores storeFlags `embed:""`
}

// Run sets the role.
func (c *userRoleCmd) Run(ctx context.Context) error {
	role, err := auth.ParseRole(c.Role)
	if err != nil {
		return err
	}
	return changePerson(ctx, &c.Stores, "person_role", c.Name+" "+c.Role, func(s *auth.Store) error { return s.SetRole(ctx, c.Name, role) })
}

type userDisableCmd struct {
	Name   string     `arg:"" help:"Whom."`
	Stores storeFlags `embed:""`
}

// Run locks the person out.
func (c *userDisableCmd) Run(ctx context.Context) error {
	return changePerson(ctx, &c.Stores, "person_disable", c.Name, func(s *auth.Store) error { return s.SetDisabled(ctx, c.Name, true) })
}

type userEnableCmd struct {
	Name   string     `arg:"" help:"Whom."`
	Stores storeFlags `embed:""`
}

// Run lets the person in.
func (c *userEnableCmd) Run(ctx context.Context) error {
	return changePerson(ctx, &c.Stores, "person_enable", c.Name, func(s *auth.Store) error { return s.SetDisabled(ctx, c.Name, false) })
}

type userHashCmd struct {
	newPassword `embed:""`
}

// Run prints the hash alone, so that it can go into a variable. Questions, and a random password,
// go to the terminal instead.
func (c *userHashCmd) Run(ctx context.Context, out io.Writer) error {
	password, err := c.read(os.Stderr)
	if err != nil {
		return err
	}
	password, hash, err := auth.HashChosen(ctx, password)
	if err != nil {
		return err
	}
	c.show(os.Stderr, password)
	_, err = fmt.Fprintln(out, hash)
	return err
}

type userListCmd struct {
	Stores storeFlags `embed:""`
}

// Run prints a line per person.
func (c *userListCmd) Run(ctx context.Context, out io.Writer) (err error) {
	l, err := c.Stores.openLedger(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	all, err := people(l).People(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tSTATE\tLAST SIGN-IN")
	for _, p := range all {
		state := "active"
		switch {
		case p.Disabled:
			state = "disabled"
		case p.Foreign:
			state = "openid"
		}
		login := "never"
		if !p.LoginAt.IsZero() {
			login = clockTime(p.LoginAt)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.Name, p.Role, state, login)
	}
	return w.Flush()
}

func people(l *sqlledger.Ledger) *auth.Store { return auth.NewStore(l.SQL(), nil) }

// changePerson does f and puts it on record.
func changePerson(ctx context.Context, stores *storeFlags, deed, target string, f func(*auth.Store) error) (err error) {
	l, err := stores.openLedger(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := f(people(l)); err != nil {
		return err
	}
	return audit(ctx, l, deed, strings.ToLower(target), 1)
}

// newPassword is where a password comes from. It is no argument: those can be seen by everybody on
// the machine.
type newPassword struct {
	Random bool `help:"Make a random password and print it, instead of asking for one."`

	in *os.File // default os.Stdin
}

// read asks for the password twice at a terminal, without showing it; elsewhere the password is
// the first line. It is empty for a random one.
func (p *newPassword) read(out io.Writer) (string, error) {
	if p.Random {
		return "", nil
	}
	in := cmp.Or(p.in, os.Stdin)
	if !term.IsTerminal(int(in.Fd())) {
		line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("reading the password: %w", err)
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return "", errors.New("no password: write one to the standard input, or give --random")
		}
		return line, nil
	}
	var typed [2]string
	for i, ask := range []string{"Password: ", "Once more: "} {
		fmt.Fprint(out, ask)
		text, err := term.ReadPassword(int(in.Fd()))
		fmt.Fprintln(out)
		if err != nil {
			return "", fmt.Errorf("reading the password: %w", err)
		}
		typed[i] = string(text)
	}
	if typed[0] != typed[1] {
		return "", errors.New("the two are not the same")
	}
	if typed[0] == "" {
		return "", auth.ErrPassword
	}
	return typed[0], nil
}

// show prints a random password, once.
func (p *newPassword) show(out io.Writer, password string) {
	if p.Random {
		fmt.Fprintf(out, "Password: %s (shown this once)\n", password)
	}
}
