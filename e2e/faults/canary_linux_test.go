package faults

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

// canaries are secrets that went through the server, by what they were.
type canaries map[string]string

// TestNoSecretStaysBehind goes through whole journeys, also through those that
// fail, and looks for every secret in what the server wrote, stored and was
// started with.
func TestNoSecretStaysBehind(t *testing.T) {
	t.Parallel()
	c := canaries{
		"service password": "Canary-Service-4711!", "password at enrolment": "Canary-Enrol-4712!",
		"reset password": "Canary-Reset-4713!", "old password": "Canary-Reset-4713!", "changed password": "Canary-Change-4714!",
		"refused password": "Canary-Refused-4715!", "checked password": "Canary-Checked-4716!", "short password": "C4nary7!",
		"wrong old password": "Canary-Wrong-4717!", "wrong password at enrolment": "Canary-Typo-4718!",
		"lost password": "Canary-Lost-4719!",
	}
	w := open(t, world.Options{File: true, ServicePassword: c["service password"]})
	argv := watchArguments(t)
	p := w.Hire(minidc.User{Account: "robin", Password: c["password at enrolment"], DisplayName: "Kim"})
	c.enrol(t, w, p)
	c.reset(t, w, p)
	c.change(t, w, p)
	c.oneTime(t, w, p)
	c.lost(t, w, p)
	c["last session"] = p.Phone.Cookie()

	files := map[string][]byte{"the server's log": w.Log(), "arguments": argv(), "the exported log": read(t, w.Export())}
	for _, name := range []string{"latchkey.db", "latchkey.db-wal"} {
		files[name] = read(t, filepath.Join(w.Data, name))
	}
	world.Must(t, w.Terminate()) // folds the write-ahead log into the database
	files["latchkey.db in the end"], files["the server's last words"] = read(t, filepath.Join(w.Data, "latchkey.db")), w.Log()
	for where, text := range files {
		c.search(t, where, text)
	}
	c.control(t, files, p)
}

func (c canaries) enrol(t *testing.T, w *world.World, p *world.Person) {
	link := w.Invite(p.Account)
	c["invitation"] = phone.Token(link)
	p.Phone = w.NewPhone()
	_, err := p.Phone.ProvePassword(t.Context(), link, c["wrong password at enrolment"])
	refused(t, err, 422, "bind.wrong-password")
	grant, err := p.Phone.ProvePassword(t.Context(), link, p.Password)
	world.Must(t, err)
	c["grant"] = grant
	body, err := p.Phone.Create(t.Context(), "/api/enrol/begin", phone.Fields{"token": phone.Token(link), "grant": grant},
		phone.Fields{"name": "Phone", "remember": true})
	world.Must(t, err)
	c["registration token"] = body["token"].(string)
	world.Must(t, p.Phone.Call(t.Context(), "POST", "/api/enrol/finish", body, nil))
	c["first session"] = p.Phone.Cookie()
}

func (c canaries) reset(t *testing.T, w *world.World, p *world.Person) {
	r := approved(t, p, "reset")
	c["session"] = p.Phone.Cookie()
	world.Must(t, p.Phone.Call(t.Context(), "POST", "/api/requests/"+r.ID+"/password/check",
		phone.Fields{"password": c["checked password"]}, nil))
	_, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": c["short password"][:7]})
	refused(t, err, 422, "password.rules")
	// A controller that quotes the value that it refuses.
	clear := w.DC.Inject(minidc.RefuseWrites(19, filtered+" value "+c["refused password"]))
	_, err = p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": c["refused password"]})
	clear()
	refused(t, err, 422, "password.refused")
	// A body that does not fit, with the secret under another name.
	refused(t, p.Phone.Call(t.Context(), "POST", "/api/requests/"+r.ID+"/execute",
		phone.Fields{"pasword": c["refused password"]}, nil), 422, "request.invalid")
	done, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": c["reset password"]})
	if err != nil || done.Request.State != "done" {
		t.Fatalf("reset: %+v, %v", done, err)
	}
}

func (c canaries) change(t *testing.T, w *world.World, p *world.Person) {
	r := approved(t, p, "change")
	_, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"old": c["wrong old password"], "password": c["changed password"]})
	refused(t, err, 422, "password.old-wrong")
	done, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"old": c["old password"], "password": c["changed password"]})
	if err != nil || done.Request.State != "done" {
		t.Fatalf("change: %+v, %v", done, err)
	}
}

func (c canaries) oneTime(t *testing.T, _ *world.World, p *world.Person) {
	r := approved(t, p, "one-time")
	done, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{})
	world.Must(t, err)
	if c["generated password"] = done.Generated; len(done.Generated) < 8 {
		t.Fatalf("generated %q", done.Generated)
	}
	world.Must(t, p.Phone.Call(t.Context(), "POST", "/api/requests/"+r.ID+"/seen", phone.Fields{}, nil))
}

// lost leaves a request unknown, with all that is kept to settle it.
func (c canaries) lost(t *testing.T, w *world.World, p *world.Person) {
	r := approved(t, p, "reset")
	defer w.DC.Inject(minidc.LoseAnswer().Times(1))()
	done, err := p.Phone.Execute(t.Context(), r.ID, phone.Fields{"password": c["lost password"]})
	if err != nil || done.Request.State != "unknown" {
		t.Fatalf("lost: %+v, %v", done, err)
	}
}

// search looks for each secret as it is, and as it would look in base64, hex and
// UTF-16.
func (c canaries) search(t *testing.T, where string, text []byte) {
	t.Helper()
	for what, secret := range c {
		for form, b := range forms(secret) {
			if bytes.Contains(text, b) {
				t.Errorf("%s holds the %s (%s)", where, what, form)
			}
		}
	}
}

func forms(secret string) map[string][]byte {
	var wide []byte
	for _, u := range utf16.Encode([]rune(secret)) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	return map[string][]byte{
		"as it is": []byte(secret), "base64": []byte(base64.RawStdEncoding.EncodeToString([]byte(secret))),
		"hex": []byte(hex.EncodeToString([]byte(secret))), "UTF-16": wide,
	}
}

// control shows that there was something to look for, and something to look
// through.
func (c canaries) control(t *testing.T, files map[string][]byte, p *world.Person) {
	t.Helper()
	for what, secret := range c {
		if len(secret) < 8 {
			t.Errorf("the %s is no canary: %q", what, secret)
		}
	}
	for where, word := range map[string]string{
		"latchkey.db in the end": p.ID.String(), "the exported log": p.ID.String(), "the server's log": "/api/requests/{id}/execute",
		"arguments": "--ready",
	} {
		if !bytes.Contains(files[where], []byte(word)) {
			t.Errorf("%s does not even hold %q", where, word)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	world.Must(t, err)
	if len(b) == 0 {
		t.Errorf("%s is empty: there is nothing to look through", path)
	}
	return b
}

// watchArguments collects the command lines and environments of all our
// processes until its result is called.
func watchArguments(t *testing.T) func() []byte {
	t.Helper()
	binary, err := world.Binary()
	world.Must(t, err)
	var seen bytes.Buffer
	stop := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		for every := time.NewTicker(10 * time.Millisecond); ; {
			found, _ := filepath.Glob("/proc/[0-9]*/exe")
			for _, link := range found {
				if to, err := os.Readlink(link); err == nil && to == binary {
					for _, name := range []string{"cmdline", "environ"} {
						b, _ := os.ReadFile(filepath.Join(filepath.Dir(link), name))
						fmt.Fprintf(&seen, "%s\n", b)
					}
				}
			}
			select {
			case <-stop:
				every.Stop()
				return
			case <-every.C:
			}
		}
	})
	return func() []byte {
		close(stop)
		watching.Wait()
		return seen.Bytes()
	}
}
