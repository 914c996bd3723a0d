package server

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/secret"
)

// company is a made-up company on an in-memory controller, reached over LDAPS as
// a real one is.
type company struct {
	*ad.Client
	t              *testing.T
	seeded         minidc.Company
	dc             *minidc.Server
	who, colleague minidc.Person // ordinary people
	person, other  ad.GUID
	reads          atomic.Int64 // of accounts
	slow           atomic.Pointer[chan struct{}]
}

func (c *company) Account(ctx context.Context, id ad.GUID) (ad.Account, error) {
	c.reads.Add(1)
	if slow := c.slow.Load(); slow != nil {
		<-*slow
	}
	return c.Client.Account(ctx, id)
}

func newCompany(t *testing.T) *company {
	t.Helper()
	dc, seeded := minidc.NewCompany(time.Now)
	t.Cleanup(func() { _ = dc.Close() })
	url, err := dc.ListenLDAPS("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ca, err := dc.CAFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	client, err := ad.Open(ad.Config{
		Controllers: []string{url}, CAFile: ca, Read: ad.Service{Bind: seeded.ServiceBind, Password: secret.New(seeded.ServicePassword)},
		Attributes: []string{"department"}, // which somebody may know
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	c := &company{Client: client, t: t, dc: dc, seeded: seeded}
	var ordinary []minidc.Person
	for _, p := range seeded.People {
		if p.Note == "" {
			ordinary = append(ordinary, p)
		}
	}
	if len(ordinary) < 2 {
		t.Fatal("too few ordinary people")
	}
	c.who, c.colleague = ordinary[0], ordinary[1]
	c.person, c.other = ad.GUID(c.who.GUID), ad.GUID(c.colleague.GUID)
	return c
}

// opens says whether the directory takes the person's password, asked by a bind
// of its own.
func (c *company) opens(password string) bool {
	c.t.Helper()
	err := c.CheckPassword(context.Background(), c.person, secret.New(password))
	if err != nil && !errors.Is(err, ad.ErrMustChange) && !errors.Is(err, ad.ErrWrongPassword) {
		c.t.Fatal(err)
	}
	return !errors.Is(err, ad.ErrWrongPassword)
}

// hold keeps the directory from telling of any account until it is let go.
func (c *company) hold() (letGo func()) {
	slow := make(chan struct{})
	c.slow.Store(&slow)
	return sync.OnceFunc(func() {
		c.slow.Store(nil)
		close(slow)
	})
}

func (c *company) lock() { c.dc.Lock(c.who.DN) }

// login is the name that the person types.
func (c *company) login() string { return c.who.Account }
