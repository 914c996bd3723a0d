package faults

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/e2e/phone"
	"github.com/latchkey/latchkey/e2e/world"
)

// hostile are texts that draw, break lines, run or calculate somewhere.
var hostile = map[string]string{
	"nul":     "Ann\x00a",
	"bidi":    "Anna \u202egnp.exe\u2066",
	"script":  `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`,
	"formula": `=cmd|'/c calc'!A0`,
	"newline": "Anna\r\nlevel=ERROR msg=forged\n{\"level\":\"ERROR\",\"msg\":\"forged\"}",
	"escape":  "\x1b[2J\x1b]0;owned\x07Anna\u009b31m",
	"filter":  "*)(objectClass=*))(|(cn=*",
	"long":    strings.Repeat("Ä", 5000),
}

func TestHostileDirectoryValuesStayText(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{Fill: func(w *world.World) {
		for name, text := range hostile {
			w.People = append(w.People, w.Hire(minidc.User{
				Account: name, Password: "Start-Value-000!", DisplayName: text, GivenName: text, Surname: text, Department: text,
				Mail: text, Language: text,
			}))
		}
	}})
	for _, p := range w.People {
		t.Run(p.Account, func(t *testing.T) {
			text := hostile[p.Account]
			var me struct {
				Account struct {
					DisplayName string `json:"displayName"`
					Department  string `json:"department"`
				} `json:"account"`
			}
			world.Must(t, p.Phone.SignIn(t.Context()))
			world.Must(t, p.Phone.Call(t.Context(), "GET", "/api/me", nil, &me))
			if got := me.Account.DisplayName; got == "" || !strings.HasPrefix(text, got) || me.Account.Department == "" {
				t.Errorf("shown as %q", got)
			}
			var opened struct {
				GivenName string `json:"givenName"`
			}
			link := w.Invite(p.Account)
			world.Must(t, w.NewPhone().Call(t.Context(), "POST", "/api/enrol/open", phone.Fields{"token": phone.Token(link)}, &opened))
			if opened.GivenName == "" || !strings.HasPrefix(text, opened.GivenName) {
				t.Errorf("before a proof it is shown as %q", opened.GivenName)
			}
			printed := strings.TrimSuffix(w.Latchkey("invite", "--config", w.Config, p.Account), "\n")
			if i := strings.IndexFunc(strings.ReplaceAll(printed, "\n", ""), drawing); i >= 0 || strings.Count(printed, "\n") != 1 {
				t.Errorf("the command line prints %q", printed)
			}
			reset(t, w, p, "Harbour-42-Dove!")
		})
	}
	wholeLog(t, w)
}

// drawing are characters that move, hide or turn what stands beside them.
func drawing(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }

// wholeLog fails when a line of the server's log is not one of its own.
func wholeLog(t *testing.T, w *world.World) {
	t.Helper()
	for line := range bytes.Lines(w.Log()) {
		var entry map[string]any
		if err := json.Unmarshal(line, &entry); err != nil || entry["msg"] == "forged" {
			t.Errorf("the server's log holds %.200q", line)
		}
	}
}

func TestHostileNamesOfPasskeysAreRefusedOrStayText(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{People: 1})
	p := w.People[0]
	path := "/api/passkeys/" + p.Phone.CredentialID()
	rename := func(name string) (string, error) {
		var made struct {
			Name string `json:"name"`
		}
		err := p.Phone.Call(t.Context(), "PATCH", path, phone.Fields{"name": name}, &made)
		return made.Name, err
	}
	for _, name := range []string{"nul", "bidi", "newline", "escape"} {
		_, err := rename(hostile[name])
		refused(t, err, 422, "passkey.name")
	}
	for _, c := range []struct{ name, code string }{
		{"", "passkey.name"}, {"   ", "passkey.name"}, {strings.Repeat("x", 65), "passkey.name"}, {hostile["long"], "request.invalid"},
	} {
		_, err := rename(c.name)
		refused(t, err, 422, c.code)
	}
	for _, name := range []string{"script", "formula", "filter"} {
		text := hostile[name]
		if got, err := rename(text); err != nil || got != text {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	// The same at enrolment; the ceremony survives a name that is refused.
	link, other := w.Invite(p.Account), w.NewPhone()
	grant, err := other.ProvePassword(t.Context(), link, p.Password)
	world.Must(t, err)
	refused(t, other.Register(t.Context(), link, grant, hostile["bidi"]), 422, "passkey.name")
	world.Must(t, other.Register(t.Context(), link, grant, hostile["script"]))
	wholeLog(t, w)
}

func TestHostileReasonsAreRefusedOrStayText(t *testing.T) {
	t.Parallel()
	w := open(t, world.Options{People: 1})
	p := w.People[0]
	world.Must(t, p.Phone.SignIn(t.Context()))
	check := unchanged(t, w, p)
	submit := func(reason string) error {
		return p.Phone.Call(t.Context(), "POST", "/api/requests", phone.Fields{"kind": "reset", "reason": reason}, nil)
	}
	refused(t, submit(hostile["nul"]), 422, "request.reason")
	refused(t, submit(hostile["long"]), 422, "request.invalid")
	refused(t, submit(strings.Repeat("Ä", 1500)), 422, "request.reason") // 3000 bytes
	refused(t, p.Phone.Call(t.Context(), "POST", "/api/requests", phone.Fields{"kind": "<script>"}, nil), 422, "request.invalid")
	for _, name := range []string{"bidi", "script", "formula", "newline", "escape"} {
		world.Must(t, submit(hostile[name]))
	}
	check()
	wholeLog(t, w)
}
