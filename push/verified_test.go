package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkey/latchkey/audit"
)

// verified are the addresses of people, and how often one was opened.
type verified struct {
	mail, sms string
	opened    atomic.Int32
	err       error
	// What the directory has, and whether codes go there.
	kept    map[bool]string
	keptErr error
	// past: no codes go to what was verified any more; pastErr: nobody knows.
	past    bool
	pastErr error
}

func (v *verified) GoToVerified(context.Context, string, bool) (bool, error) {
	return !v.past && v.pastErr == nil, v.pastErr
}

func (v *verified) MayBeInDirectory(sms bool) bool { _, ok := v.kept[sms]; return ok }

func (v *verified) InDirectory(_ context.Context, _ string, sms bool) (string, error) {
	v.opened.Add(1)
	return v.kept[sms], v.keptErr
}

func (v *verified) HasVerified(context.Context, string) (mail, sms bool, err error) {
	return v.mail != "", v.sms != "", v.err
}

func (v *verified) Verified(_ context.Context, _ string, sms bool) (string, error) {
	v.opened.Add(1)
	if sms {
		return v.sms, v.err
	}
	return v.mail, v.err
}

const (
	homeMail = "anna@home.example"
	homeSMS  = "+4915112345678"
)

// wideWorld has a mail server, a gateway and somebody with an address and a number.
func wideWorld(t *testing.T) (*world, *mailServer, *smsGateway, *verified) {
	t.Helper()
	w, m := mailWorld(t, "127.0.0.1", mailKind{})
	gw, v := newSMSGateway(t), &verified{mail: homeMail, sms: homeSMS}
	w.cfg.Gateway, w.cfg.Addresses = gatewayOf(t, gw.config()), v
	w.cfg.FreezeLink = func(string, string, int64, time.Time) string { return "secret-of-the-link" }
	return w, m, gw, v
}

// to lists where mails and text messages went.
func to(m *mailServer, gw *smsGateway) (all []string) {
	for _, mail := range m.mails() {
		all = append(all, mail.to)
	}
	gw.mu.Lock()
	defer gw.mu.Unlock()
	for _, s := range gw.got {
		number, _, _ := strings.Cut(strings.TrimPrefix(s.Body, `{"to":"`), `"`)
		all = append(all, number)
	}
	slices.Sort(all)
	return all
}

// What changes the ways into an account, and what stops it, is told on every channel:
// also to what its owner verified here, and to an address of theirs that it took away.
func TestEveryChannelOfThePersonIsTold(t *testing.T) {
	const work = "anna@corp.example.test"
	for name, c := range map[string]struct {
		kind   string
		params []string
		want   []string
	}{
		"a new passkey":         {kindProofs, []string{"kind", "passkey"}, []string{homeSMS, work, homeMail}},
		"a removed passkey":     {kindProofs, []string{"kind", "passkey-removed"}, []string{homeSMS, work, homeMail}},
		"a used recovery code":  {kindProofs, []string{"kind", "code-used"}, []string{homeSMS, work, homeMail}},
		"a freeze":              {kindFrozen, []string{"way", "account"}, []string{homeSMS, work, homeMail}},
		"an asking for it":      {kindProved, nil, []string{homeSMS, work, homeMail}},
		"let in again":          {kindThawed, nil, []string{homeSMS, work, homeMail}},
		"another mail address":  {kindProofs, []string{"kind", "mail-code", ParamOldMail, "old@home.example"}, []string{homeSMS, work, "old@home.example"}},
		"another number":        {kindProofs, []string{"kind", "sms-code", ParamOldSMS, "+4917011122233"}, []string{"+4917011122233", work, homeMail}},
		"an address taken away": {kindProofs, []string{"kind", "removed", ParamOldMail, "old@home.example"}, []string{homeSMS, work, homeMail, "old@home.example"}},
		"a new password":        {kindChanged, []string{"kind", "reset"}, []string{homeSMS, work, homeMail}},
		"a one-time password":   {kindChanged, []string{"kind", "one-time"}, []string{homeSMS, work, homeMail}},
		"an unlock":             {kindChanged, []string{"kind", "unlock"}, []string{work}},
		"a word asked for":      {kindVouch, []string{"request", "r1"}, []string{work, homeMail}},
		"a word and a proof":    {kindVouch, []string{"request", "r1", "beside", "proof"}, []string{work, homeMail}},
		"somebody's request":    {kindReview, nil, []string{work}},
	} {
		t.Run(name, func(t *testing.T) {
			w, m, gw, _ := wideWorld(t)
			w.notice(anna, c.kind, c.params...)
			w.work()
			slices.Sort(c.want)
			if got := to(m, gw); !slices.Equal(got, c.want) {
				t.Fatalf("told %q, want %q; %s", got, c.want, w.log)
			}
			for _, mail := range m.mails() {
				_, body := decoded(t, mail)
				// Where a stranger replaced it, the old address is the one that its owner reads.
				if link := strings.Contains(body, "secret-of-the-link"); link != plans[c.kind].own {
					t.Errorf("%s: a link to freeze by is %v", mail.to, link)
				}
			}
			for _, s := range gw.got {
				stops := plans[c.kind].own
				stop := " Das war ich nicht: https://latchkey.example.test/freeze#secret-of-the-link"
				if strings.Contains(s.Body, stop+`"`) != stops || strings.Contains(s.Body, "http") != stops || len(s.Body) > 460 {
					t.Errorf("%s", s.Body)
				}
			}
			if strings.Contains(w.log.String(), "home.example") || strings.Contains(w.log.String(), homeSMS) {
				t.Errorf("an address is logged: %s", w.log)
			}
		})
	}
}

// Where codes go by the directory, its owner is told, too, where they verified nothing, or
// have just taken its place.
func TestWhatTheDirectoryHasForCodesIsAChannelToo(t *testing.T) {
	const work, kept, keptSMS = "anna@corp.example.test", "anna@kept.example", "+4915199999999"
	for name, c := range map[string]struct {
		mail, sms string
		about     string
		want      []string
	}{
		"nothing was verified":         {"", "", "passkey", []string{keptSMS, work, kept}},
		"mail was":                     {homeMail, "", "passkey", []string{keptSMS, work, homeMail}},
		"both were":                    {homeMail, homeSMS, "passkey", []string{homeSMS, work, homeMail}},
		"mail has just been":           {homeMail, homeSMS, "mail-code", []string{homeSMS, work, kept}},
		"a number has just been":       {homeMail, homeSMS, "sms-code", []string{keptSMS, work, homeMail}},
		"what was verified went again": {"", homeSMS, "removed", []string{homeSMS, work, kept}},
	} {
		t.Run(name, func(t *testing.T) {
			w, m, gw, v := wideWorld(t)
			v.mail, v.sms, v.kept = c.mail, c.sms, map[bool]string{false: kept, true: keptSMS}
			w.notice(anna, kindProofs, "kind", c.about)
			w.work()
			slices.Sort(c.want)
			if got := to(m, gw); !slices.Equal(got, c.want) {
				t.Fatalf("told %q, want %q; %s", got, c.want, w.log)
			}
			if strings.Contains(w.log.String(), kept) || strings.Contains(w.log.String(), keptSMS) {
				t.Errorf("an address is logged: %s", w.log)
			}
		})
	}
}

// Where codes go to what the directory has though something was verified before, both are
// told; where nobody knows as well. One address is told once.
func TestWhatWasVerifiedBeforeAndWhereCodesGoNowAreBothTold(t *testing.T) {
	const work, kept, keptSMS = "anna@corp.example.test", "anna@kept.example", "+4915199999999"
	both := map[bool]string{false: kept, true: keptSMS}
	for name, c := range map[string]struct {
		past  bool
		err   error
		kept  map[bool]string
		about string
		want  []string
	}{
		"codes go to what was verified":   {false, nil, both, "passkey", []string{homeSMS, work, homeMail}},
		"codes go there no more":          {true, nil, both, "passkey", []string{homeSMS, keptSMS, work, homeMail, kept}},
		"nobody knows":                    {false, errors.New("down"), both, "passkey", []string{homeSMS, keptSMS, work, homeMail, kept}},
		"nor to the directory's":          {true, nil, nil, "passkey", []string{homeSMS, work, homeMail}},
		"the directory has none":          {true, nil, map[bool]string{false: "", true: ""}, "passkey", []string{homeSMS, work, homeMail}},
		"the directory has the same":      {true, nil, map[bool]string{false: "ANNA@home.example", true: homeSMS}, "passkey", []string{homeSMS, work, homeMail}},
		"mail has just been verified":     {true, nil, both, "mail-code", []string{homeSMS, keptSMS, work, kept}},
		"what changes no way in is quiet": {true, nil, both, "", []string{work}},
	} {
		t.Run(name, func(t *testing.T) {
			w, m, gw, v := wideWorld(t)
			v.past, v.pastErr, v.kept = c.past, c.err, c.kept
			kind, params := kindProofs, []string{"kind", c.about}
			if c.about == "" {
				kind, params = kindChanged, []string{"kind", "unlock"}
			}
			w.notice(anna, kind, params...)
			w.work()
			slices.Sort(c.want)
			if got := to(m, gw); !slices.Equal(got, c.want) {
				t.Fatalf("told %q, want %q; %s", got, c.want, w.log)
			}
			for _, secret := range []string{kept, keptSMS, homeMail, homeSMS} {
				if strings.Contains(w.log.String(), secret) {
					t.Errorf("an address is logged: %s", w.log)
				}
			}
		})
	}
}

// A directory that does not answer is asked again, later each time, and nothing waits for
// it; where there is no other way, that nobody was reached is an event.
func TestTheOnlyWayIsAnEventWhereItIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		kept   map[bool]string
		fault  error
		events int
	}{
		"a number":                     {map[bool]string{true: homeSMS}, nil, 0},
		"none in the directory":        {map[bool]string{true: ""}, nil, 1},
		"a directory that is down":     {map[bool]string{true: homeSMS}, errors.New("down"), 1},
		"a number that nothing may to": {map[bool]string{true: "+12025550143"}, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w, _, gw, v := wideWorld(t)
			w.mail, v.mail, v.sms, v.kept, v.keptErr = nil, "", "", c.kept, c.fault
			w.notice(anna, kindFrozen, "way", "account")
			w.work()
			if c.fault != nil {
				if tried := v.opened.Load(); tried != 1 {
					t.Errorf("asked %d times at once", tried)
				}
				for range 26 {
					w.later(time.Hour)
				}
			}
			if n := len(w.store.happened(audit.NoticeFailed)); n != c.events {
				t.Errorf("%d events that nobody was reached, want %d; %s", n, c.events, w.log)
			}
			if told := len(gw.got) > 0; told != (c.events == 0) {
				t.Errorf("told %v", told)
			}
		})
	}
}

// One letter of another alphabet makes five parts of a text message that has two.
func TestTextMessagesKeepToOneAlphabet(t *testing.T) {
	for _, lang := range []string{"en", "de"} {
		for kind, p := range plans {
			if !p.wide && kind != kindChanged || p.free {
				continue
			}
			w, _, gw, _ := wideWorld(t)
			for _, about := range []string{"", "passkey", "recovered", "code-used", "totp", "removed", "reset"} {
				d := Delivery{To: anna, Kind: kind, Params: map[string]string{"kind": about}}
				if v := w.sendSMS(t.Context(), homeSMS, w.texts(lang, d), w.freezeSMS(lang, d)); v.code != "" && v.code != codeCapped {
					t.Fatalf("%s %s: %+v", kind, about, v)
				}
				w.later(time.Hour)
			}
			if len(gw.got) < 3 {
				t.Fatalf("%d text messages", len(gw.got))
			}
			for _, s := range gw.got {
				if i := strings.IndexFunc(s.Body, func(r rune) bool { return r > 0x7e && !strings.ContainsRune("äöüÄÖÜß", r) }); i >= 0 {
					t.Errorf("%q leaves the alphabet at %d", s.Body, i)
				}
			}
		}
	}
}

// An address is opened when a message is sent, not before. (What was on its way to one that
// goes away meanwhile keeps it: db/dbtest.)
func TestAVerifiedAddressIsOpenedWhenSomethingIsSent(t *testing.T) {
	w, m, gw, v := wideWorld(t)
	v.sms = ""
	w.notice(anna, kindProofs, "kind", "totp")
	if err := w.fanTogether(t.Context(), w.claimed(t)); err != nil || v.opened.Load() != 0 {
		t.Fatalf("%v, opened %d times", err, v.opened.Load())
	}
	v.mail = ""
	w.work()
	if got := to(m, gw); !slices.Equal(got, []string{"anna@corp.example.test"}) {
		t.Errorf("told %q", got)
	}
}

func (w *world) claimed(t *testing.T) []Notice {
	t.Helper()
	all, err := w.store.ClaimNotices(t.Context(), w.clock.Now(), lease, noticeHeap)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Somebody who changes their proofs again and again sends no more text messages than
// the limits of codes let go, by number and by country; a country that gets no codes
// gets none of these.
func TestTextMessagesOfNoticesKeepToTheLimits(t *testing.T) {
	w, _, gw, v := wideWorld(t)
	w.cfg.Gateway.cfg.Hourly = 60
	for range 9 {
		w.notice(anna, kindProofs, "kind", "pin")
	}
	w.work()
	if n := len(gw.got); n != codesOne {
		t.Errorf("%d text messages at once", n)
	}
	if err := w.SendCode(t.Context(), sms(homeSMS)); err != nil {
		t.Errorf("a code after them: %v", err)
	}
	v.sms = "+33612345678"
	before := len(gw.got)
	w.notice(anna, kindProofs, "kind", "pin")
	w.work()
	if len(gw.got) != before {
		t.Error("one went to another country")
	}
}

// What people are told leaves half of their share of a country for their codes, and has
// an end: who changes proofs all day is not sent a message for each until tomorrow.
func TestTextMessagesOfNoticesLeaveRoomForCodesAndHaveAnEnd(t *testing.T) {
	w, _, gw, v := wideWorld(t)
	w.cfg.Gateway.cfg.Hourly = 16 // 8 of people who are signed in
	for i := range 12 {
		v.sms = fmt.Sprintf("+491511234%04d", i)
		w.notice(anna, kindProofs, "kind", "pin")
		w.work()
	}
	if n := len(gw.got); n == 0 || n > 4 {
		t.Fatalf("%d text messages at once", n)
	}
	codes := 0
	for i := range 4 {
		if w.SendCode(t.Context(), sms(fmt.Sprintf("+491521234%04d", i))) == nil {
			codes++
		}
	}
	if codes == 0 {
		t.Error("no code goes any more")
	}
	w.later(smsAfter + 10*time.Minute)
	before := len(gw.got)
	w.later(6 * time.Hour)
	if more := len(gw.got) - before; more > 0 {
		t.Errorf("%d text messages hours later", more)
	}
}

// The other ways do not wait for a gateway that is down, and it is tried again.
func TestAGatewayThatIsDownHoldsUpNoOtherWay(t *testing.T) {
	w, m, gw, _ := wideWorld(t)
	gw.answers(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) })
	w.notice(anna, kindProofs, "kind", "totp")
	w.work()
	if n := len(m.mails()); n != 2 {
		t.Errorf("%d mails", n)
	}
	gw.answers(nil)
	before := len(gw.got)
	w.later(20 * time.Minute)
	if len(gw.got) != before+1 {
		t.Errorf("%d more text messages", len(gw.got)-before)
	}
}

// A store that can't be asked loses nothing: the notice waits.
func TestANoticeWaitsForAStoreThatCantSayWhatIsVerified(t *testing.T) {
	w, m, gw, v := wideWorld(t)
	v.err = errors.New("the store is away")
	w.notice(anna, kindProofs, "kind", "totp")
	if err := w.fanTogether(t.Context(), w.claimed(t)); err == nil {
		t.Error("fanned out")
	}
	v.err = nil
	w.later(2 * lease)
	if n := len(to(m, gw)); n != 3 {
		t.Errorf("%d messages", n)
	}
}
