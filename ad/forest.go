package ad

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/secret"
)

// Forest is the mapped domains of one forest. It does what a Client does, and
// asks the domain that an account, a name or a group lies in; each operation
// goes to that domain's own controllers, and no referral is followed. A domain
// that is down denies only its own people. With one domain it is that domain's
// Client. Its methods are safe for concurrent use, and return *Error when they fail.
type Forest struct {
	domains []*Client
	log     *slog.Logger
	homes   homes

	mu    sync.Mutex
	unfit map[string]bool // domains that were not ready the last time
}

// OpenForest opens a Client for each domain. Of more than one, each says which
// domain it is (Discovery or BaseDN), and no two say the same.
func OpenForest(domains ...Config) (*Forest, error) {
	f := &Forest{log: slog.New(slog.DiscardHandler)}
	var errs []error
	for _, cfg := range domains {
		c, err := Open(cfg)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		f.domains, f.log = append(f.domains, c), c.log
	}
	if len(domains) == 0 {
		errs = append(errs, errors.New("directory: no domain is named"))
	}
	if len(domains) > 1 {
		errs = append(errs, f.check()...)
	}
	if len(errs) > 0 {
		f.Close()
		return nil, errors.Join(errs...)
	}
	if len(f.domains) > 1 {
		for _, c := range f.domains {
			c.others = slices.DeleteFunc(slices.Clone(f.domains), func(o *Client) bool { return o == c })
		}
	}
	return f, nil
}

func (f *Forest) check() (errs []error) {
	domains, controllers := map[string]bool{}, map[string]bool{}
	for _, c := range f.domains {
		switch {
		case c.dnsDomain == "":
			errs = append(errs, errors.New("directory: of several domains, each needs its name or its base"))
		case domains[c.dnsDomain]:
			errs = append(errs, fmt.Errorf("directory: the domain %q is named twice", c.dnsDomain))
		}
		domains[c.dnsDomain] = true
		for _, at := range c.roster.fixed {
			if name := strings.ToLower(at.name); controllers[name] {
				errs = append(errs, fmt.Errorf("directory: the controller %q is named in two domains", at.name))
			} else {
				controllers[name] = true
			}
		}
	}
	return errs
}

// Domains are the clients of the domains, in the configured order.
func (f *Forest) Domains() []*Client { return f.domains }

// only is the client where there is one domain: it costs nothing more.
func (f *Forest) only() *Client {
	if len(f.domains) == 1 {
		return f.domains[0]
	}
	return nil
}

// Domain is the domain's DNS name, as far as the configuration says it.
func (c *Client) Domain() string { return c.dnsDomain }

// Close closes every client.
func (f *Forest) Close() {
	for _, c := range f.domains {
		c.Close()
	}
}

// Ready says whether Latchkey could act now: it is nil while some domain is
// ready. The people of the others are denied; Down says which these are, and the
// log does when that changes.
func (f *Forest) Ready(ctx context.Context) error {
	if c := f.only(); c != nil {
		return c.Ready(ctx)
	}
	down := f.Down(ctx)
	if len(down) < len(f.domains) {
		return nil
	}
	return errors.Join(down...)
}

// note logs news of a domain. A caller that gave up says nothing about it.
func (f *Forest) note(ctx context.Context, c *Client, err error) {
	if ctx.Err() != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.unfit == nil {
		f.unfit = map[string]bool{}
	}
	switch was := f.unfit[c.dnsDomain]; {
	case err != nil && !was:
		f.log.Error("domain is not ready: its people can't be helped until it is", "domain", c.dnsDomain, "error", err.Error())
	case err == nil && was:
		f.log.Info("domain is ready again", "domain", c.dnsDomain)
	}
	f.unfit[c.dnsDomain] = err != nil
}

// Down asks each domain whether it is ready, and returns why those are not,
// each error with the domain's name.
func (f *Forest) Down(ctx context.Context) []error {
	answers := everywhereIn(f, func(c *Client) (struct{}, error) { return struct{}{}, c.Ready(ctx) })
	var down []error
	for i, a := range answers {
		f.note(ctx, f.domains[i], a.err)
		if a.err != nil {
			down = append(down, f.in(i, a.err))
		}
	}
	return down
}

func (f *Forest) in(i int, err error) error {
	if f.domains[i].dnsDomain == "" {
		return err
	}
	return fmt.Errorf("domain %s: %w", f.domains[i].dnsDomain, err)
}

// reply is what one domain said.
type reply[T any] struct {
	v   T
	err error
}

// everywhereIn asks every domain at once, and waits for all.
func everywhereIn[T any](f *Forest, ask func(*Client) (T, error)) []reply[T] {
	out := make([]reply[T], len(f.domains))
	var wait sync.WaitGroup
	for i, c := range f.domains {
		wait.Go(func() { out[i].v, out[i].err = ask(c) })
	}
	wait.Wait()
	return out
}

// Capabilities asks every controller of every domain.
func (f *Forest) Capabilities(ctx context.Context) ([]ControllerInfo, error) {
	var out []ControllerInfo
	var errs []error
	for i, a := range everywhereIn(f, func(c *Client) ([]ControllerInfo, error) { return c.Capabilities(ctx) }) {
		out = append(out, a.v...)
		if a.err != nil {
			errs = append(errs, f.in(i, a.err))
		}
	}
	if len(errs) < len(f.domains) {
		return out, nil
	}
	return out, whole("read capabilities", errs)
}

// whole is one error of several; its cause is the first one's.
func whole(op string, errs []error) *Error {
	e := &Error{Cause: ErrUnavailable, Op: op, Outcome: OutcomeNotWritten, Err: errors.Join(errs...)}
	var first *Error
	if len(errs) > 0 && errors.As(errs[0], &first) {
		e.Cause = first.Cause
	}
	return e
}

// Account reads as Client.Account does, in the account's domain.
func (f *Forest) Account(ctx context.Context, account GUID) (Account, error) {
	return at(ctx, f, "read account", account, func(c *Client) (Account, error) { return c.Account(ctx, account) })
}

// Contact reads as Client.Contact does, in the account's domain.
func (f *Forest) Contact(ctx context.Context, account GUID) (Contact, error) {
	return at(ctx, f, "read contact", account, func(c *Client) (Contact, error) { return c.Contact(ctx, account) })
}

// Photo reads as Client.Photo does, in the account's domain.
func (f *Forest) Photo(ctx context.Context, account GUID) ([]byte, error) {
	if c := f.only(); c != nil {
		return c.Photo(ctx, account)
	}
	c, err := f.home(ctx, "read photo", account)
	if err != nil {
		return nil, err
	}
	return c.Photo(ctx, account) // no photo is no reason to look elsewhere
}

// CheckPassword tries a password as Client.CheckPassword does, once and in one
// domain.
func (f *Forest) CheckPassword(ctx context.Context, account GUID, password secret.Text) error {
	_, err := at(ctx, f, "check password", account, func(c *Client) (struct{}, error) {
		return struct{}{}, c.CheckPassword(ctx, account, password)
	})
	return err
}

// AccountOn reads on one controller of whichever domain.
func (f *Forest) AccountOn(ctx context.Context, controller string, account GUID) (Account, error) {
	f.aware(ctx)
	return f.of(controller).AccountOn(ctx, controller, account)
}

// of is the domain of a controller; the first one says that there is none.
func (f *Forest) of(controller string) *Client {
	if i := slices.IndexFunc(f.domains, func(c *Client) bool { return c.roster.named(controller) != nil }); i >= 0 {
		return f.domains[i]
	}
	return f.domains[0]
}

// PasswordPolicy reads the policy in the account's domain.
func (f *Forest) PasswordPolicy(ctx context.Context, a Account) (PasswordPolicy, error) {
	if c := f.only(); c != nil {
		return c.PasswordPolicy(ctx, a)
	}
	if c := f.holding(a.DN); c != nil {
		return c.PasswordPolicy(ctx, a)
	}
	return PasswordPolicy{}, unmapped("read password policy")
}

// Unlock writes as Client.Unlock does.
func (f *Forest) Unlock(ctx context.Context, w Write) (Account, error) {
	return f.write(ctx, "unlock account", w, func(c *Client) (Account, error) { return c.Unlock(ctx, w) })
}

// ResetPassword writes as Client.ResetPassword does.
func (f *Forest) ResetPassword(ctx context.Context, w Write, p NewPassword) (Account, error) {
	return f.write(ctx, "reset password", w, func(c *Client) (Account, error) { return c.ResetPassword(ctx, w, p) })
}

// ChangePassword writes as Client.ChangePassword does.
func (f *Forest) ChangePassword(ctx context.Context, w Write, old, new secret.Text) (Account, error) {
	return f.write(ctx, "change password", w, func(c *Client) (Account, error) { return c.ChangePassword(ctx, w, old, new) })
}

// write goes to the domain of the controller that the marks were read on. An
// account that moved to another domain since is not found there, and nothing is
// written.
func (f *Forest) write(ctx context.Context, op string, w Write, do func(*Client) (Account, error)) (Account, error) {
	if c := f.only(); c != nil {
		return do(c)
	}
	f.aware(ctx)
	if w.Controller != "" {
		return do(f.of(w.Controller))
	}
	c, err := f.home(ctx, op, w.Target)
	if err != nil {
		return Account{}, err
	}
	return do(c)
}

// Expiring goes through the domains, one after the other. One that fails does
// not stop the others; its error comes at the end.
func (f *Forest) Expiring(ctx context.Context, now time.Time, within time.Duration, fn func([]Expiring) error) error {
	if c := f.only(); c != nil {
		return c.Expiring(ctx, now, within, fn)
	}
	var errs []error
	for i, c := range f.domains {
		var stop error
		err := c.Expiring(ctx, now, within, func(page []Expiring) error {
			stop = fn(page)
			return stop
		})
		if stop != nil {
			return stop
		}
		if err != nil {
			errs = append(errs, f.in(i, err))
		}
	}
	if len(errs) > 0 {
		return whole("read expiry", errs)
	}
	return nil
}

// AccountByDN reads the account at a DN in the domain that the DN ends in. A DN
// of no mapped domain is ErrNotFound and ErrReferral.
func (f *Forest) AccountByDN(ctx context.Context, dn string) (Account, error) {
	if c := f.only(); c != nil {
		return c.AccountByDN(ctx, dn)
	}
	const op = "read account by name"
	if !isPlainDN(dn) {
		return Account{}, &Error{Cause: ErrNotFound, Op: op, Outcome: OutcomeNotWritten, Err: errors.New("not a distinguished name")}
	}
	c := f.holding(dn)
	if c == nil {
		return Account{}, unmapped(op)
	}
	f.aware(ctx)
	a, err := c.AccountByDN(ctx, dn)
	if err == nil {
		f.homes.set(a.GUID, c)
	}
	return a, err
}

func unmapped(op string) *Error {
	return &Error{Cause: ErrNotFound, Op: op, Outcome: OutcomeNotWritten, Err: elsewhere.Err}
}

// holding is the client of the domain that a DN lies in, or nil. The name's
// whole DC= end decides: a child domain's name ends in its parent's.
func (f *Forest) holding(dn string) *Client {
	domain := dnsName(dn)
	i := slices.IndexFunc(f.domains, func(c *Client) bool { return domain != "" && equalFold(c.dnsDomain, domain) })
	if i < 0 {
		return nil
	}
	return f.domains[i]
}

// ResolveGroup resolves a group in the domain that its DN ends in. With several
// domains a built-in or domain local group is ErrNotFound: in the tokens of
// other domains' people it is missing or means another group, so that a rule
// which excludes its members would let them in.
func (f *Forest) ResolveGroup(ctx context.Context, dn string) (string, error) {
	if c := f.only(); c != nil {
		return c.ResolveGroup(ctx, dn)
	}
	const op = "resolve group"
	if _, err := ldap.ParseDN(dn); err != nil {
		return "", &Error{Cause: ErrNotFound, Op: op, Outcome: OutcomeNotWritten, Err: errors.New("not a distinguished name")}
	}
	c := f.holding(dn)
	if c == nil {
		return "", unmapped(op)
	}
	return c.resolveGroup(ctx, dn, true)
}
