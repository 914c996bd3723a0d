package bench

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/bench/ldaptap"
	"github.com/latchkey/latchkey/e2e/everyday"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/samba"
	"github.com/latchkey/latchkey/e2e/world"
)

// clients work at once against one controller.
const clients = 8

func TestMain(m *testing.M) {
	if serveBare() {
		return
	}
	// Phones keep their connections, as browsers do.
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 64
	world.Main(m)
}

// company is a server in front of a real Samba, and enrolled people of it.
type company struct {
	*world.World
	samba  *samba.DC
	tap    *ldaptap.Tap
	ca     string // the file of the controller's authority
	people []*employee
	values atomic.Int64 // new passwords so far
}

type employee struct {
	dn, account, password string
	phone                 *phone.Phone
	ops                   []ldaptap.Op // what the server asked for one act
}

// open starts the server behind a tap, which is taken out again once it has seen
// what there is to see.
func open(t *testing.T, people int) *company {
	t.Helper()
	dc := samba.New(t, samba.Options{})
	tap, err := ldaptap.Open(dc.Address+":636", dc.TLS())
	world.Must(t, err)
	t.Cleanup(tap.Close)
	dir := t.TempDir()
	secret, ca := filepath.Join(dir, "password"), filepath.Join(dir, "ca.pem")
	world.Must(t, os.WriteFile(secret, []byte(dc.ServicePassword), 0o600))
	world.Must(t, os.WriteFile(ca, tap.CAFile, 0o600))
	w := world.New(t, world.Options{Settings: map[string]any{
		"requests": map[string]any{"watch": "0s"}, "log": map[string]any{"level": "warn"},
		"directory": map[string]any{
			"controllers": []string{tap.URL}, "ca_file": ca,
			"read": map[string]any{"bind": dc.ServiceBind, "password_file": secret},
		},
	}})
	c := &company{World: w, samba: dc, tap: tap, ca: ca}
	c.hire(people)
	return c
}

// hire adds people below Staff and enrols them.
func (c *company) hire(n int) {
	c.T.Helper()
	admin, err := c.samba.Dial(c.samba.AdminBind, c.samba.AdminPassword)
	world.Must(c.T, err)
	defer admin.Close()
	for i := range n {
		e := &employee{account: fmt.Sprintf("bench%03d", i), password: fmt.Sprintf("Start-Value-%03d!", i)}
		e.dn, err = c.samba.Hire(admin, e.account, e.password)
		world.Must(c.T, err)
		e.phone = c.NewPhone()
		world.Must(c.T, e.phone.Enrol(c.T.Context(), c.Invite(e.account), e.password))
		c.people = append(c.people, e)
	}
}

// direct takes the tap out: the server speaks to Samba itself from now on.
func (c *company) direct() {
	c.T.Helper()
	text, err := os.ReadFile(c.Config)
	world.Must(c.T, err)
	text = bytes.ReplaceAll(text, []byte(c.tap.URL), []byte(c.samba.LDAPSURL))
	world.Must(c.T, os.WriteFile(c.Config, text, 0o600))
	ca, err := os.ReadFile(c.samba.CAFile)
	world.Must(c.T, err)
	world.Must(c.T, os.WriteFile(c.ca, ca, 0o600))
	world.Must(c.T, c.Terminate())
	c.tap.Close()
	c.Start()
}

// lock locks everybody's account a moment ago.
func (c *company) lock() {
	c.T.Helper()
	var all []string
	for _, e := range c.people {
		all = append(all, e.dn)
	}
	world.Must(c.T, c.samba.ForceAll(all, "lockoutTime", strconv.FormatInt(minidc.Filetime(time.Now()), 10)))
}

// unlocks is the whole way: passkey, request, written.
func (c *company) unlocks(e *employee) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := e.phone.SignIn(ctx); err != nil {
		return err
	}
	r, err := e.phone.Submit(ctx, "unlock")
	if err == nil && r.State != "done" {
		err = fmt.Errorf("unlock is %s %s", r.State, r.Code)
	}
	return err
}

// resets is the whole way: request, passkey, written, by whoever is signed in.
func (c *company) resets(e *employee) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r, err := e.phone.Submit(ctx, "reset")
	if err == nil && r.State == "draft" {
		r, err = e.phone.Prove(ctx, r.ID)
	}
	if err != nil {
		return err
	}
	done, err := e.phone.Execute(ctx, r.ID, phone.Fields{"password": c.fresh()})
	if err == nil && done.Request.State != "done" {
		err = fmt.Errorf("reset is %s %s", done.Request.State, done.Request.Code)
	}
	return err
}

// fresh is a password that nobody had.
func (c *company) fresh() string { return fmt.Sprintf("Quiet-Harbour-%d!", c.values.Add(1)) }

// everybody runs an act for each of the people, so many at once, and returns how
// many a second.
func (c *company) everybody(act func(client int, e *employee) error) float64 {
	c.T.Helper()
	queue := make(chan *employee, len(c.people))
	for _, e := range c.people {
		queue <- e
	}
	close(queue)
	errs := make(chan error, len(c.people))
	rate := Rate(len(c.people), func() {
		var all sync.WaitGroup
		for client := range clients {
			all.Go(func() {
				for e := range queue {
					if err := act(client, e); err != nil {
						errs <- fmt.Errorf("%s: %w", e.account, err)
					}
				}
			})
		}
		all.Wait()
	})
	close(errs)
	for err := range errs {
		c.T.Fatalf("%v\n%s", err, c.LogTail())
	}
	return rate
}

// bare are bound connections with nothing around them.
func (c *company) bare() (all []*ldap.Conn) {
	c.T.Helper()
	for range clients {
		conn, err := c.samba.Dial(c.samba.ServiceBind, c.samba.ServicePassword)
		world.Must(c.T, err)
		c.T.Cleanup(func() { conn.Close() })
		all = append(all, conn)
	}
	return all
}

// asked drops what belongs to no act: binds, and what a new connection asks first.
func asked(ops []ldaptap.Op) (own []ldaptap.Op) {
	for _, o := range ops {
		if k := o.Kind(); k == "search" || k == "modify" {
			own = append(own, o)
		}
	}
	return own
}

// perAct says what the server asks for one act.
func perAct(t testing.TB, act string, ops []ldaptap.Op) string {
	counts := map[string]int{}
	for i, o := range ops {
		counts[o.Kind()]++
		t.Logf("%s, LDAP operation %d: %v", act, i+1, o)
	}
	var all []string
	for kind, n := range counts {
		all = append(all, fmt.Sprintf("%d %s", n, kind))
	}
	slices.Sort(all)
	slices.Reverse(all) // search before modify
	return strings.Join(all, ", ")
}

// learn has everybody act once, one after the other, and keeps what the server
// asked for each; then all at once, and says how much that was for one act.
func (c *company) learn(act string, do func(*employee) error) (note string) {
	c.T.Helper()
	world.Must(c.T, do(c.people[0])) // reads what it keeps for a while
	c.lock()
	for _, e := range c.people {
		c.tap.Take()
		world.Must(c.T, do(e))
		e.ops = asked(c.tap.Take())
	}
	c.lock()
	c.tap.Take()
	c.everybody(func(_ int, e *employee) error { return do(e) })
	atOnce := float64(len(asked(c.tap.Take()))) / float64(len(c.people))
	return fmt.Sprintf("%s; %.2f at %d clients", perAct(c.T, act, c.people[1].ops), atOnce, clients)
}

// beside has the same LDAP operations done in turns by the whole server and by
// clients that do nothing else.
func (c *company) beside(rounds int, do func(*employee) error) Compared {
	c.T.Helper()
	c.direct()
	conns := c.bare()
	c.lock()
	c.everybody(func(_ int, e *employee) error { return c.unlocks(e) }) // fills the pools
	return Alternate(rounds, func() float64 {
		c.lock()
		return c.everybody(func(_ int, e *employee) error { return do(e) })
	}, func() float64 {
		c.lock()
		return c.everybody(func(i int, e *employee) error { return replay(conns[i], e.ops, samba.Quote(c.fresh())) })
	})
}

func TestUnlockBesideABareClient(t *testing.T) {
	everyday.Left(t, "it measures nothing without LATCHKEY_BENCH")
	c := open(t, Count(96, 8))
	c.lock()
	note := "LDAP operations of an unlock, sign-in included: " + c.learn("unlock", c.unlocks)
	c.beside(Rounds(), c.unlocks).AtLeast("unlock through the whole server", "/s", 0.85, note).Add(t)
}

// TestResetBesideABareClient has twice the people, because single rounds stray by more than
// there is between the bar and what is measured. There are no more rounds than somebody may
// write passwords in (rateExecute).
func TestResetBesideABareClient(t *testing.T) {
	everyday.Left(t, "it measures nothing without LATCHKEY_BENCH")
	c := open(t, Count(192, 8))
	c.everybody(func(_ int, e *employee) error { return e.phone.SignIn(t.Context()) })
	c.lock()
	note := "LDAP operations of a reset of a locked account, request and proof included: " + c.learn("reset", c.resets)
	c.beside(Count(5, 1), c.resets).AtLeast("reset through the whole server", "/s", 0.95, note).Add(t)
}

func replay(conn *ldap.Conn, ops []ldaptap.Op, password string) error {
	for _, o := range ops {
		if err := o.Replay(conn, password); err != nil {
			return fmt.Errorf("%v: %w", o, err)
		}
	}
	return nil
}
