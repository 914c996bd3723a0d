// Package notifyd is a desktop's notification daemon (Desktop Notifications
// Specification 1.2) on a session bus of its own, on which a test sees what the
// person would see, and taps.
package notifyd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/godbus/dbus/v5"

	"github.com/latchkey/latchkey/e2e/stand/watched"
)

// Names of the specification.
const (
	service = "org.freedesktop.Notifications"
	object  = dbus.ObjectPath("/org/freedesktop/Notifications")
)

// Why a notification is closed (section 9).
const (
	closedByPerson uint32 = 2
	closedByCall   uint32 = 3
)

// Notification is one on the screen.
type Notification struct {
	ID      uint32   `json:"id"`
	App     string   `json:"app"`
	Summary string   `json:"summary"`
	Body    string   `json:"body"`
	Actions []Action `json:"actions"`
	Closed  bool     `json:"closed"`
}

// Action is a button; the key "default" is the notification itself.
type Action struct {
	Key   string `json:"key"`
	Label string `json:"label"`
}

// Daemon is the bus and the daemon on it.
type Daemon struct {
	Address string // for DBUS_SESSION_BUS_ADDRESS
	Shown   watched.List[Notification]

	last atomic.Uint32
	bus  *exec.Cmd
	conn *dbus.Conn
}

// Start starts a bus with its socket in dir, which must be short, and joins it.
func Start(ctx context.Context, dir string) (*Daemon, error) {
	d := &Daemon{}
	if err := d.startBus(ctx, "unix:path="+filepath.Join(dir, "bus")); err != nil {
		return nil, err
	}
	if err := d.join(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Daemon) startBus(ctx context.Context, at string) error {
	d.bus = exec.CommandContext(ctx, "dbus-daemon", "--session", "--nofork", "--nopidfile", "--nosyslog", "--print-address=1", "--address="+at)
	out, err := d.bus.StdoutPipe()
	if err != nil {
		return err
	}
	if err := d.bus.Start(); err != nil {
		return fmt.Errorf("start session bus: %w", err)
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		d.Close()
		return fmt.Errorf("start session bus: %w", err)
	}
	d.Address = strings.TrimSpace(address)
	return nil
}

func (d *Daemon) join() (err error) {
	if d.conn, err = dbus.Connect(d.Address); err != nil {
		return fmt.Errorf("join bus: %w", err)
	}
	if err := d.conn.Export(methods{d}, object, service); err != nil {
		return fmt.Errorf("export methods: %w", err)
	}
	got, err := d.conn.RequestName(service, dbus.NameFlagDoNotQueue)
	if err == nil && got != dbus.RequestNameReplyPrimaryOwner {
		err = errors.New("somebody else has it")
	}
	if err != nil {
		return fmt.Errorf("take name: %w", err)
	}
	return nil
}

// Close ends the bus.
func (d *Daemon) Close() {
	if d.conn != nil {
		d.conn.Close()
	}
	if d.bus != nil && d.bus.Process != nil {
		d.bus.Process.Kill()
		d.bus.Wait()
	}
}

// ErrNotShown: there is no such notification on the screen, or no such button.
var ErrNotShown = errors.New("not shown")

// Tap presses a button by its label, or the notification itself for "", which
// then goes away as it does on a desktop.
func (d *Daemon) Tap(id uint32, label string) error {
	key, ok := d.key(id, label)
	if !ok {
		return fmt.Errorf("%w: %q of %d; was shown: %+v", ErrNotShown, label, id, d.Shown.All())
	}
	if err := d.conn.Emit(object, service+".ActionInvoked", id, key); err != nil {
		return fmt.Errorf("tap: %w", err)
	}
	// An application that heard of the tap may have taken it back already.
	if err := d.Dismiss(id); !errors.Is(err, ErrNotShown) {
		return err
	}
	return nil
}

func (d *Daemon) key(id uint32, label string) (string, bool) {
	for _, n := range d.Shown.All() {
		i := slices.IndexFunc(n.Actions, func(a Action) bool {
			return a.Label == label && a.Key != "default" || label == "" && a.Key == "default"
		})
		if n.ID == id && !n.Closed && i >= 0 {
			return n.Actions[i].Key, true
		}
	}
	return "", false
}

// Dismiss closes a notification as the person does.
func (d *Daemon) Dismiss(id uint32) error { return d.close(id, closedByPerson) }

func (d *Daemon) close(id, why uint32) error {
	found := false
	d.Shown.Change(func(all []Notification) []Notification {
		for i := range all {
			if all[i].ID == id && !all[i].Closed {
				all[i].Closed, found = true, true
			}
		}
		return all
	})
	if !found {
		return ErrNotShown
	}
	return d.conn.Emit(object, service+".NotificationClosed", id, why)
}

// methods are what applications call.
type methods struct{ *Daemon }

// GetCapabilities says that there are buttons and texts.
func (methods) GetCapabilities() ([]string, *dbus.Error) {
	return []string{"actions", "body", "persistence"}, nil
}

// GetServerInformation says the version of the specification.
func (methods) GetServerInformation() (name, vendor, version, spec string, err *dbus.Error) {
	return "notifyd", "test", "1", "1.2", nil
}

// Notify shows one, in place of another where replaces says so.
func (m methods) Notify(app string, replaces uint32, _, summary, body string, actions []string, _ map[string]dbus.Variant, _ int32) (uint32, *dbus.Error) {
	n := Notification{ID: replaces, App: app, Summary: summary, Body: body, Actions: []Action{}}
	for pair := range slices.Chunk(actions, 2) {
		if len(pair) == 2 {
			n.Actions = append(n.Actions, Action{Key: pair[0], Label: pair[1]})
		}
	}
	if n.ID == 0 {
		n.ID = m.last.Add(1)
	}
	m.Shown.Change(func(all []Notification) []Notification {
		all = slices.DeleteFunc(slices.Clone(all), func(old Notification) bool { return old.ID == n.ID })
		return append(all, n)
	})
	return n.ID, nil
}

// CloseNotification takes one back.
func (m methods) CloseNotification(id uint32) *dbus.Error {
	_ = m.close(id, closedByCall) // one that is gone is no error to the application
	return nil
}

// Handler is for tests:
//
//	GET  /shown?after=N      what was shown, once it is more than N
//	POST /tap {id, label}    press a button, or the notification for label ""
//	POST /dismiss {id}
//	POST /clear              forget what was shown
func (d *Daemon) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /shown", &d.Shown)
	act := func(fn func(id uint32, label string) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var in struct {
				ID    uint32
				Label string
			}
			err := json.NewDecoder(r.Body).Decode(&in)
			if err == nil {
				err = fn(in.ID, in.Label)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusConflict)
			}
		}
	}
	mux.HandleFunc("POST /tap", act(d.Tap))
	mux.HandleFunc("POST /dismiss", act(func(id uint32, _ string) error { return d.Dismiss(id) }))
	mux.HandleFunc("POST /clear", func(http.ResponseWriter, *http.Request) {
		d.Shown.Change(func([]Notification) []Notification { return nil })
	})
	return mux
}
