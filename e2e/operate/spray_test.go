package operate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/everyday"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/samba"
	"github.com/latchkey/latchkey/e2e/stand/smtpd"
	"github.com/latchkey/latchkey/e2e/world"
)

// behind is a browser that a trusted proxy says is somewhere.
type behind string

// RoundTrip is http.RoundTripper's.
func (b behind) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// Codes and passwords are tried over many names from many networks, through the whole
// server and on a real Samba that locks after five: nobody is locked there, whoever runs
// the server gets one mail, and a passkey and a recovery code still open. LATCHKEY_SOAK=1:
// 10,000 tries over 1,000 names from 50 networks.
func TestSprayingLocksNobodyInSamba(t *testing.T) {
	everyday.Left(t, "package server sprays over a directory in memory")
	tries, names, networks := 600, 60, 10
	if os.Getenv("LATCHKEY_SOAK") != "" {
		tries, names, networks = 10_000, 1_000, 50
	}
	dc := samba.New(t, samba.Options{})
	dir := t.TempDir()
	password := filepath.Join(dir, "password")
	world.Must(t, os.WriteFile(password, []byte(dc.ServicePassword), 0o600))
	prove := func(more ...string) map[string]any { // the password of a locked account is never tried
		return map[string]any{"prove": append([]string{"passkey", "recovery-code", "totp"}, more...)}
	}
	w := world.New(t, world.Options{Stand: true, Settings: map[string]any{
		"limit_factor": 1, "trusted_proxies": []string{"127.0.0.1", "::1"}, "alerts": map[string]any{"mail": []string{"it-security@corp.example.test"}},
		"directory": map[string]any{
			"controllers": []string{dc.LDAPSURL}, "ca_file": dc.CAFile, "read": map[string]any{"bind": dc.ServiceBind, "password_file": password},
		},
		"policies": []any{map[string]any{"name": "all", "who": map[string]any{"everyone": true}, "unlock": prove(), "reset": prove("password")}},
	}})
	admin, err := dc.Dial(dc.AdminBind, dc.AdminPassword)
	world.Must(t, err)
	defer admin.Close()
	hire := func(account string) string {
		dn, err := dc.Hire(admin, account, "Start-Value-1!")
		world.Must(t, err)
		return dn
	}
	at := func(dn, attribute string) int {
		r, err := admin.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{attribute}, nil))
		world.Must(t, err)
		n, _ := strconv.Atoi(r.Entries[0].GetAttributeValue(attribute))
		return n
	}
	var people []string
	for i := range names {
		people = append(people, hire(fmt.Sprintf("spray%04d", i)))
	}
	threshold := at(dc.BaseDN, "lockoutThreshold")
	if threshold != 5 {
		t.Fatalf("the domain locks after %d", threshold)
	}

	// Somebody who is enrolled, and has codes on paper.
	me := hire("me")
	p := w.NewPhone()
	p.Through(behind("198.51.100.7"))
	world.Must(t, p.Enrol(t.Context(), w.Invite("me"), "Start-Value-1!"))
	proof, err := p.StepUp(t.Context(), "recovery-codes", "")
	world.Must(t, err)
	var made struct{ Codes []string }
	world.Must(t, p.Call(t.Context(), "POST", "/api/proofs/recovery-codes", phone.Fields{"proof": proof}, &made))

	tried := sprayed(t, w, tries, names, networks)
	lockedOut, counted := 0, 0
	for _, dn := range people {
		if at(dn, "lockoutTime") != 0 {
			lockedOut++
			t.Errorf("%s is locked", dn)
		}
		if bad := at(dn, "badPwdCount"); bad >= threshold {
			t.Errorf("%s: %d wrong passwords", dn, bad)
		} else if bad > 0 {
			counted++
		}
	}
	if tried[http.StatusForbidden] == 0 || tried[http.StatusTooManyRequests] == 0 || tried[http.StatusForbidden]+tried[http.StatusTooManyRequests] != tries || counted == 0 {
		t.Errorf("%v; a password was counted for %d", tried, counted)
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	mails, err := w.Stand.Mail.Mails.Until(ctx, func(all []smtpd.Mail) bool { return len(all) > 0 })
	if err != nil || len(mails) != 1 || !slices.Contains(mails[0].To, "it-security@corp.example.test") || !strings.Contains(mails[0].Subject, "Latchkey: many tries") {
		t.Errorf("mails %+v, %v", mails, err)
	}
	log, err := os.ReadFile(w.Export())
	world.Must(t, err)
	if n := strings.Count(string(log), `"session.recover-braked"`); n != 1 {
		t.Errorf("the brake is logged %d times", n)
	}

	// Whoever has something that nobody guesses is let in.
	lock := func() {
		world.Must(t, dc.ForceAll([]string{me}, "lockoutTime", strconv.FormatInt(minidc.Filetime(time.Now()), 10)))
	}
	opens := func(by string, p *phone.Phone) {
		if r, err := p.Submit(t.Context(), "unlock"); err != nil || r.State != "done" || at(me, "lockoutTime") != 0 {
			t.Errorf("by %s: %+v, %v", by, r, err)
		}
	}
	lock()
	world.Must(t, p.SignIn(t.Context()))
	opens("passkey", p)
	lock()
	q := w.NewPhone()
	q.Through(behind("203.0.113.9"))
	var begun struct{ Token string }
	world.Must(t, q.Call(t.Context(), "POST", "/api/recover/begin", phone.Fields{"name": "me", "kind": "unlock"}, &begun))
	world.Must(t, q.Call(t.Context(), "POST", "/api/recover/finish", phone.Fields{
		"token": begun.Token, "proofs": []phone.Fields{{"kind": "recovery-code", "value": made.Codes[0]}},
	}, nil))
	opens("recovery code", q)
	t.Logf("%d tries over %d names from %d networks: %v; %d locked, a wrong password counted for %d", tries, names, networks, tried, lockedOut, counted)
}

// sprayed counts the answers to so many tries, by status.
func sprayed(t *testing.T, w *world.World, tries, names, networks int) map[int]int {
	var mu sync.Mutex
	var group sync.WaitGroup
	gate, answers := make(chan struct{}, 64), map[int]int{}
	for i := range tries {
		gate <- struct{}{}
		group.Go(func() {
			defer func() { <-gate }()
			q := w.NewPhone()
			q.Through(behind(fmt.Sprintf("2001:db8:%x::%x", i%networks, i)))
			kind := []string{"password", "totp", "password"}[i%3]
			var begun struct{ Token string }
			err := q.Call(t.Context(), "POST", "/api/recover/begin", phone.Fields{"name": fmt.Sprintf("spray%04d", i%names), "kind": "reset"}, &begun)
			if err == nil {
				err = q.Call(t.Context(), "POST", "/api/recover/finish", phone.Fields{
					"token": begun.Token, "proofs": []phone.Fields{{"kind": kind, "value": fmt.Sprintf("%06d", i)}},
				}, nil)
			}
			status := http.StatusOK
			if refused, ok := errors.AsType[*phone.Problem](err); ok {
				status = refused.Status
			} else if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			answers[status]++
		})
	}
	group.Wait()
	return answers
}
