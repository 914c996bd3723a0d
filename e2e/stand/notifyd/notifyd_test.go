package notifyd_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/latchkey/latchkey/e2e/stand/notifyd"
)

func open(t *testing.T) (*notifyd.Daemon, dbus.BusObject, chan *dbus.Signal) {
	t.Helper()
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("not run: dbus-daemon is missing")
	}
	d, err := notifyd.Start(t.Context(), t.TempDir())
	must(t, err)
	t.Cleanup(d.Close)
	conn, err := dbus.Connect(d.Address)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	must(t, conn.AddMatchSignal(dbus.WithMatchInterface("org.freedesktop.Notifications")))
	signals := make(chan *dbus.Signal, 16)
	conn.Signal(signals)
	return d, conn.Object("org.freedesktop.Notifications", "/org/freedesktop/Notifications"), signals
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func show(t *testing.T, o dbus.BusObject, replaces uint32, summary string, actions ...string) (id uint32) {
	t.Helper()
	call := o.Call("org.freedesktop.Notifications.Notify", 0, "Browser", replaces, "", summary, "body", actions, map[string]dbus.Variant{}, int32(-1))
	must(t, call.Store(&id))
	return id
}

func next(t *testing.T, signals chan *dbus.Signal) *dbus.Signal {
	t.Helper()
	select {
	case s := <-signals:
		return s
	case <-time.After(10 * time.Second):
		t.Fatal("no signal")
		return nil
	}
}

func TestATapReachesTheApplication(t *testing.T) {
	d, o, signals := open(t)
	id := show(t, o, 0, "Something waits", "default", "Activate", "deny-moz", "Deny")
	if n := d.Shown.All()[0]; n.Summary != "Something waits" || n.Body != "body" || len(n.Actions) != 2 {
		t.Errorf("%+v", n)
	}
	for label, key := range map[string]string{"": "default", "Deny": "deny-moz"} {
		id = show(t, o, 0, "Something waits", "default", "Activate", "deny-moz", "Deny")
		must(t, d.Tap(id, label))
		if s := next(t, signals); s.Name != "org.freedesktop.Notifications.ActionInvoked" || s.Body[0] != id || s.Body[1] != key {
			t.Errorf("%q: %+v", label, s)
		}
		if s := next(t, signals); s.Name != "org.freedesktop.Notifications.NotificationClosed" || s.Body[1] != uint32(2) {
			t.Errorf("%q: %+v", label, s)
		}
		if err := d.Tap(id, label); !errors.Is(err, notifyd.ErrNotShown) {
			t.Errorf("tapped twice: %v", err)
		}
	}
}

// A browser closes what was tapped by itself: whoever comes first, the tap was one.
func TestATapThatTheApplicationAnswersFirstIsOne(t *testing.T) {
	d, o, signals := open(t)
	for range 200 {
		id := show(t, o, 0, "Something waits", "default", "Activate")
		tapped := make(chan error, 1)
		go func() { tapped <- d.Tap(id, "") }()
		if s := next(t, signals); s.Name != "org.freedesktop.Notifications.ActionInvoked" {
			t.Fatalf("%+v", s)
		}
		must(t, o.Call("org.freedesktop.Notifications.CloseNotification", 0, id).Err)
		must(t, <-tapped)
		if s := next(t, signals); s.Name != "org.freedesktop.Notifications.NotificationClosed" {
			t.Fatalf("%+v", s)
		}
	}
}

func TestOneReplacesAnotherAndIsTakenBack(t *testing.T) {
	d, o, signals := open(t)
	id := show(t, o, 0, "old")
	if again := show(t, o, id, "new"); again != id {
		t.Errorf("replaced as %d", again)
	}
	if all := d.Shown.All(); len(all) != 1 || all[0].Summary != "new" {
		t.Errorf("%+v", all)
	}
	must(t, o.Call("org.freedesktop.Notifications.CloseNotification", 0, id).Err)
	if s := next(t, signals); s.Body[1] != uint32(3) || !d.Shown.All()[0].Closed {
		t.Errorf("%+v", s)
	}
	var features []string
	must(t, o.Call("org.freedesktop.Notifications.GetCapabilities", 0).Store(&features))
	var name, vendor, version, spec string
	must(t, o.Call("org.freedesktop.Notifications.GetServerInformation", 0).Store(&name, &vendor, &version, &spec))
	if features[0] != "actions" || spec != "1.2" {
		t.Error(features, spec)
	}
}

func TestTestsTapOverHTTP(t *testing.T) {
	d, o, signals := open(t)
	show(t, o, 0, "x", "default", "Activate")
	control := httptest.NewServer(d.Handler())
	defer control.Close()
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/tap", `{"id":1,"label":"Deny"}`, 409}, {"/tap", `{"id":1,"label":""}`, 200}, {"/dismiss", `{"id":1}`, 409}, {"/tap", `x`, 409}, {"/clear", ``, 200},
	} {
		res, err := http.Post(control.URL+c.path, "application/json", strings.NewReader(c.body))
		must(t, err)
		res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%s %s: %d", c.path, c.body, res.StatusCode)
		}
	}
	if s := next(t, signals); s.Body[1] != "default" {
		t.Errorf("%+v", s)
	}
	if len(d.Shown.All()) != 0 {
		t.Error("not cleared")
	}
}
