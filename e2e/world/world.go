package world

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/postgres"
	"github.com/latchkey/latchkey/e2e/stand"
	"github.com/latchkey/latchkey/e2e/stand/autopush"
)

// Names of the directory that every world has.
const (
	Base      = "DC=corp,DC=example,DC=test"
	Staff     = "OU=Staff," + Base
	ServiceDN = "CN=svc-latchkey,CN=Users," + Base
)

// Options say how a world differs from the plain one.
type Options struct {
	People          int            // p000, p001 … below Staff, enrolled
	Controller      minidc.Config  // of the directory
	Policy          *minidc.Policy // of the domain; nil takes DefaultPolicy
	Settings        map[string]any // laid over the server's configuration, key by key
	Data            string         // the server's data directory; "" makes one
	ServicePassword string         // "" takes one

	// Port is where the server listens; "" takes a free one. Public is the address
	// that people use where it is not http://localhost and the port, and Transport
	// is how they reach it.
	Port      string
	Public    string
	Transport http.RoundTripper

	// Stand gives the server a push service and a mail server; people then have a
	// mail address, and a browser that takes notifications once they enrol.
	Stand bool
	// Managers are further people who are enrolled, m000, m001 …: person i's
	// manager is i modulo their number.
	Managers int

	// Postgres keeps the database in PostgreSQL; so does LATCHKEY_DATABASE=postgres
	// for every world. Two runs two servers on it, behind one address.
	Postgres, Two bool
	// Cluster is the PostgreSQL server of a test that ends it; nil takes one that all
	// share.
	Cluster *postgres.Cluster
	// File keeps it in the file in any case: the test is about the file.
	File bool

	// Fill adds to the directory before the server starts.
	Fill func(*World)
}

// DefaultPolicy has a lockout, and no history that would stand in the way.
var DefaultPolicy = minidc.Policy{
	MinLength: 8, Complexity: true, LockoutThreshold: 5, LockoutDuration: time.Hour, ObservationWindow: time.Hour,
}

// World is a directory, and a server that may die meanwhile.
type World struct {
	T      testing.TB
	DC     *minidc.Server
	LDAPS  string // the controller's URL
	Dir    string // of the test's files
	Data   string // the server's own
	Config string // the configuration file
	URL    string // the server's, as people see it
	Port   string // where it listens
	People []*Person

	Managers []*Person
	Stand    *stand.Stand // nil without
	Front    *Front       // of two servers; nil for one

	transport      http.RoundTripper
	settings       map[string]any
	secondSettings map[string]any

	server server
	second server
}

// Person is somebody of the directory.
type Person struct {
	Account  string
	DN       string
	ID       minidc.GUID
	Password string // at the start
	Phone    *phone.Phone
	Manager  *Person            // nil for none
	Device   *autopush.Receiver // takes notifications, in a world with a Stand

	// What the directory had counted once the person was enrolled.
	KeyVersionBefore int64
	WritesBefore     int
}

// New starts a world and enrols its people. It ends with the test.
func New(t testing.TB, o Options) *World {
	t.Helper()
	w := &World{T: t, Dir: t.TempDir(), Data: o.Data, transport: o.Transport}
	if w.Data == "" {
		w.Data = filepath.Join(w.Dir, "data")
	}
	w.server.up, w.second.up = make(chan struct{}), make(chan struct{})
	if o.ServicePassword == "" {
		o.ServicePassword = "Service-Account-9!"
	}
	w.openDirectory(o)
	w.openStand(o)
	w.configure(o)
	t.Cleanup(w.Stop)
	w.Start()
	if o.Two {
		w.StartServer(1)
	}
	for _, p := range append(slices.Clone(w.Managers), w.People...) {
		w.Enrol(p)
	}
	return w
}

func (w *World) openStand(o Options) {
	if !o.Stand {
		return
	}
	var err error
	w.Stand, err = stand.Start(w.T.Context(), w.Dir, false)
	Must(w.T, err)
	w.T.Cleanup(w.Stand.Close)
}

func (w *World) openDirectory(o Options) {
	w.DC = minidc.New(o.Controller)
	w.T.Cleanup(func() { w.DC.Close() })
	if o.Policy == nil {
		o.Policy = &DefaultPolicy
	}
	w.DC.SetDomainPolicy(*o.Policy)
	w.DC.AddOU(Staff)
	w.DC.AddUser(minidc.User{Name: "svc-latchkey", Account: "svc-latchkey", Password: o.ServicePassword})
	w.DC.Delegate(ServiceDN, Staff, minidc.ResetPassword, minidc.WriteLockoutTime, minidc.WritePwdLastSet)
	for i := range o.Managers {
		w.Managers = append(w.Managers, w.Hire(minidc.User{Account: fmt.Sprintf("m%03d", i), Password: fmt.Sprintf("Start-Value-%03d!", i)}))
	}
	for i := range o.People {
		u := minidc.User{Account: fmt.Sprintf("p%03d", i), Password: fmt.Sprintf("Start-Value-%03d!", i)}
		var boss *Person
		if o.Managers > 0 {
			boss = w.Managers[i%o.Managers]
			u.Manager = boss.DN
		}
		p := w.Hire(u)
		p.Manager = boss
		w.People = append(w.People, p)
	}
	if o.Fill != nil {
		o.Fill(w)
	}
	var err error
	w.LDAPS, err = w.DC.ListenLDAPS("127.0.0.1:0")
	Must(w.T, err)
}

// Hire adds an account below Staff that is not enrolled yet.
func (w *World) Hire(u minidc.User) *Person {
	u.Name, u.Parent = u.Account, Staff
	if u.Mail == "" {
		u.Mail = u.Account + "@corp.example.test"
	}
	if u.GivenName == "" {
		u.GivenName = u.Account
	}
	p := &Person{Account: u.Account, DN: "CN=" + u.Name + "," + Staff, Password: u.Password}
	p.ID = w.DC.AddUser(u)
	return p
}

// Enrol gives the person a phone and a passkey, by an invitation.
func (w *World) Enrol(p *Person) {
	w.T.Helper()
	p.Phone = w.NewPhone()
	if err := p.Phone.Enrol(w.T.Context(), w.Invite(p.Account), p.Password); err != nil {
		w.T.Fatalf("enrol %s: %v\n%s", p.Account, err, w.LogTail())
	}
	if w.Stand != nil {
		w.Subscribe(p)
	}
	p.KeyVersionBefore, p.WritesBefore = w.KeyVersion(p), w.Writes(p)
}

// Subscribe gives the person one more browser that takes notifications; it is
// their Device from now on.
func (w *World) Subscribe(p *Person) phone.Device {
	w.T.Helper()
	key, _, err := p.Phone.Devices(w.T.Context())
	Must(w.T, err)
	p.Device, err = w.Stand.Push.Subscribe(key)
	Must(w.T, err)
	d, err := p.Phone.Subscribe(w.T.Context(), p.Device.Endpoint, p.Device.P256dh, p.Device.Auth)
	Must(w.T, err)
	return d
}

// NewPhone is a browser that nobody has used.
func (w *World) NewPhone() *phone.Phone {
	w.T.Helper()
	made, err := phone.New(w.URL)
	Must(w.T, err)
	if w.transport != nil {
		made.Through(w.transport)
	}
	return made
}

// Invite runs `latchkey invite` with further flags and returns the link.
func (w *World) Invite(account string, flags ...string) string {
	w.T.Helper()
	out := w.Latchkey(append(append([]string{"invite", "--config", w.Config}, flags...), account)...)
	i := strings.Index(out, w.URL)
	if i < 0 {
		w.T.Fatalf("no link in %q", out)
	}
	link, _, _ := strings.Cut(out[i:], "\n")
	return link
}

// KeyVersion is msDS-KeyVersionNumber: how many passwords the account has had.
func (w *World) KeyVersion(p *Person) int64 {
	w.T.Helper()
	return w.number(p, "msDS-KeyVersionNumber")
}

// LockoutTime is 0 for an account that is not locked.
func (w *World) LockoutTime(p *Person) int64 {
	w.T.Helper()
	if len(w.DC.Get(p.DN, "lockoutTime")) == 0 {
		return 0
	}
	return w.number(p, "lockoutTime")
}

func (w *World) number(p *Person, attribute string) int64 {
	w.T.Helper()
	v := w.DC.Get(p.DN, attribute)
	if len(v) != 1 {
		w.T.Fatalf("%s of %s: %v", attribute, p.Account, v)
	}
	n, err := strconv.ParseInt(v[0], 10, 64)
	Must(w.T, err)
	return n
}

// Writes is how often the directory changed the account, by its own count.
func (w *World) Writes(p *Person) int { return w.DC.Counters().Writes[p.ID] }

// Export writes the log to a file, verifies it and returns the path.
func (w *World) Export() string {
	w.T.Helper()
	file := filepath.Join(w.Dir, "log.jsonl")
	w.Latchkey("audit", "export", "--config", w.Config, file)
	w.T.Log(strings.TrimSpace(w.Latchkey("audit", "verify", file)))
	return file
}

// Must ends the test on an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
