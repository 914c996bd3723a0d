package ad_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/secret"
)

const better = "Bett3r-Pass.word"

func (l *lab) causes(err error, cause ad.Cause, outcome ad.Outcome) {
	l.Helper()
	var e *ad.Error
	if !errors.Is(err, cause) || !errors.As(err, &e) || e.Outcome != outcome {
		l.Errorf("%v; want %s with outcome %d", err, cause, outcome)
	}
}

func TestUnlockOpensALockedAccount(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p := l.client(), l.person()
		p.lock()
		before := l.read(c, p.GUID)
		after, err := c.Unlock(ctxFor(l), ad.Write{Target: p.GUID, Controller: before.Controller})
		if err != nil || after.Locked || after.Marks.LockoutTime != 0 || after.BadPasswords != 0 {
			l.Fatalf("%+v, %v", after, err)
		}
		if after.Marks.KeyVersion != before.Marks.KeyVersion || after.Marks.PwdLastSet != before.Marks.PwdLastSet {
			l.Errorf("the password changed: %+v, %+v", before.Marks, after.Marks)
		}
		if code := p.bind(start); code != "" {
			l.Errorf("bind: %s", code)
		}
	})
}

// Rule 9: an account keeps its flags, whatever is written.
func TestNoWriteTouchesUserAccountControl(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p := l.client(), l.person()
		l.set(p.DN, "userAccountControl", "66048") // the password never expires
		p.lock()
		if _, err := c.Unlock(ctxFor(l), ad.Write{Target: p.GUID}); err != nil {
			l.Fatal(err)
		}
		if _, err := c.ResetPassword(ctxFor(l), ad.Write{Target: p.GUID}, ad.NewPassword{Value: pw(better)}); err != nil {
			l.Fatal(err)
		}
		if got := l.number(p.DN, "userAccountControl"); got != 66048 {
			l.Errorf("userAccountControl %d", got)
		}
	})
}

func TestUnlockOfAnOpenAccountWritesNothing(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p := l.client(), l.person()
		usn := l.number(p.DN, "uSNChanged")
		if a, err := c.Unlock(ctxFor(l), ad.Write{Target: p.GUID}); err != nil || a.GUID != p.GUID {
			l.Fatalf("%+v, %v", a, err)
		}
		if got := l.number(p.DN, "uSNChanged"); got != usn {
			l.Errorf("uSNChanged %d, was %d", got, usn)
		}
	})
}

func TestResetSetsThePasswordAndUnlocksInOneWrite(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client()
		for _, must := range []bool{false, true} {
			p := l.person()
			p.lock()
			before := l.read(c, p.GUID)
			after, err := c.ResetPassword(ctxFor(l), ad.Write{Target: p.GUID, Controller: before.Controller},
				ad.NewPassword{Value: pw(better), MustChange: must})
			if err != nil || after.Locked || after.MustChange != must || after.Marks.KeyVersion != before.Marks.KeyVersion+1 {
				l.Fatalf("%+v, %v", after, err)
			}
			if code := p.bind(better); must && code != "773" || !must && code != "" {
				l.Errorf("bind with the new password: %q", code)
			}
			if code := p.bind(start); code != "52e" {
				l.Errorf("bind with the old password: %q", code)
			}
		}
	})
}

func TestEveryCharacterReachesTheDirectory(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client()
		for _, value := range []string{`Quo"te-"s-1 `, "Pa\u0308ss-w\u00f6rd-1X", "\U0001F511-Key-\U0001F511-1x", strings.Repeat("Aa1-", 32), `\A1b*(x)`} {
			p := l.person()
			if _, err := c.ResetPassword(ctxFor(l), ad.Write{Target: p.GUID}, ad.NewPassword{Value: pw(value)}); err != nil {
				l.Errorf("%q: %v", value, err)
				continue
			}
			if code := p.bind(value); code != "" {
				l.Errorf("%q: %s", value, code)
			}
			if err := c.CheckPassword(ctxFor(l), p.GUID, pw(value)); err != nil {
				l.Errorf("%q: %v", value, err)
			}
		}
	})
}

func TestMalformedPasswordsNeverLeave(t *testing.T) {
	c, err := ad.Open(ad.Config{Controllers: []string{"ldaps://127.0.0.1:1"}, Read: ad.Service{Bind: "a", Password: pw("b")}})
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{TB: t}
	for _, bad := range []string{"", "a\x00b", "\xff\xfe", strings.Repeat("x", 5000)} {
		l.causes(second(c.ResetPassword(ctxFor(t), ad.Write{}, ad.NewPassword{Value: pw(bad)})), ad.ErrPasswordMalformed, ad.OutcomeNotWritten)
		l.causes(second(c.ChangePassword(ctxFor(t), ad.Write{}, pw(bad), pw(better))), ad.ErrPasswordMalformed, ad.OutcomeNotWritten)
		l.causes(second(c.ChangePassword(ctxFor(t), ad.Write{}, pw(start), pw(bad))), ad.ErrPasswordMalformed, ad.OutcomeNotWritten)
		l.causes(c.CheckPassword(ctxFor(t), ad.GUID{1}, pw(bad)), ad.ErrWrongPassword, ad.OutcomeNotWritten)
	}
}

// Whoever is not there has no password that is tried.
func TestNoPasswordIsTriedForNobody(t *testing.T) {
	everywhere(t, func(l *lab) {
		l.causes(l.client().CheckPassword(ctxFor(l), ad.GUID{1}, pw(start)), ad.ErrNotFound, ad.OutcomeNotWritten)
	})
}

func TestChangeNeedsTheOldPassword(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p := l.client(), l.person()
		w := ad.Write{Target: p.GUID}
		before := l.marks(p)
		l.causes(second(c.ChangePassword(ctxFor(l), w, pw("Wr0ng-Pass.word"), pw(better))), ad.ErrOldPassword, ad.OutcomeNotWritten)
		if l.marks(p) != before || l.read(c, p.GUID).BadPasswords != 1 {
			l.Errorf("a wrong old password: %+v", l.read(c, p.GUID))
		}
		if a, err := c.ChangePassword(ctxFor(l), w, pw(start), pw(better)); err != nil || a.Marks.KeyVersion != before[0]+1 {
			l.Fatalf("%+v, %v", a, err)
		}
		if code := p.bind(better); code != "" {
			l.Errorf("bind: %s", code)
		}
		l.causes(second(c.ChangePassword(ctxFor(l), w, pw(better), pw(start))), ad.ErrPasswordHistory, ad.OutcomeNotWritten)
	})
}

func TestChangeWorksForWhoMustChange(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p := l.client(), l.person()
		l.set(p.DN, "pwdLastSet", "0")
		if a, err := c.ChangePassword(ctxFor(l), ad.Write{Target: p.GUID}, pw(start), pw(better)); err != nil || a.MustChange {
			l.Fatalf("%+v, %v", a, err)
		}
	})
}

func TestRefusedPasswordsHaveTheirOwnCause(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client()
		p := l.person()
		l.pso(p, attrs{"msDS-MinimumPasswordLength": {"12"}, "msDS-MinimumPasswordAge": {"-864000000000"}})
		p.lock()
		before := l.marks(p)
		reset := func(v string) error {
			return second(c.ResetPassword(ctxFor(l), ad.Write{Target: p.GUID}, ad.NewPassword{Value: pw(v), MustChange: true}))
		}
		l.causes(reset("Sh0rt-1"), ad.ErrPasswordShort, ad.OutcomeNotWritten)
		l.causes(reset("onlylowercaseletters"), ad.ErrPasswordComplex, ad.OutcomeNotWritten)
		l.causes(second(c.ChangePassword(ctxFor(l), ad.Write{Target: p.GUID}, pw(start), pw(better))), ad.ErrLocked, ad.OutcomeNotWritten)
		if l.marks(p) != before {
			l.Errorf("%v, was %v", l.marks(p), before)
		}
		if _, err := c.Unlock(ctxFor(l), ad.Write{Target: p.GUID}); err != nil {
			l.Fatal(err)
		}
		l.causes(second(c.ChangePassword(ctxFor(l), ad.Write{Target: p.GUID}, pw(start), pw(better))), ad.ErrPasswordTooYoung, ad.OutcomeNotWritten)
	})
}

func TestDisabledAccountsAreNotWritten(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p := l.client(), l.person()
		l.set(p.DN, "userAccountControl", "514")
		p.lock()
		before := l.marks(p)
		w := ad.Write{Target: p.GUID}
		l.causes(second(c.Unlock(ctxFor(l), w)), ad.ErrDisabled, ad.OutcomeNotWritten)
		l.causes(second(c.ResetPassword(ctxFor(l), w, ad.NewPassword{Value: pw(better)})), ad.ErrDisabled, ad.OutcomeNotWritten)
		l.causes(second(c.ChangePassword(ctxFor(l), w, pw(start), pw(better))), ad.ErrDisabled, ad.OutcomeNotWritten)
		if l.marks(p) != before {
			l.Errorf("%v, was %v", l.marks(p), before)
		}
	})
}

func TestCheckSeesTheAccountAndStopsTheWrite(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p := l.client(), l.person()
		p.lock()
		a := l.read(c, p.GUID)
		stop := errors.New("stop")
		_, err := c.Unlock(ctxFor(l), ad.Write{Target: p.GUID, Controller: a.Controller, Check: func(now ad.Account) error {
			if now.Marks != a.Marks || now.Controller != a.Controller {
				l.Errorf("%+v, read before %+v", now, a)
			}
			return fmt.Errorf("check: %w", stop)
		}})
		if l.causes(err, ad.ErrStopped, ad.OutcomeNotWritten); !errors.Is(err, stop) || l.number(p.DN, "lockoutTime") == 0 {
			l.Errorf("%v", err)
		}
		_, err = c.Unlock(ctxFor(l), ad.Write{Target: p.GUID, Check: func(ad.Account) error { return fmt.Errorf("x: %w", ad.ErrAccountExpired) }})
		l.causes(err, ad.ErrAccountExpired, ad.OutcomeNotWritten)
	})
}

func TestAMissingRightIsNamed(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p := l.client(), l.personIn(l.Ot)
		p.lock()
		w := ad.Write{Target: p.GUID}
		l.causes(second(c.Unlock(ctxFor(l), w)), ad.ErrRights, ad.OutcomeNotWritten)
		l.causes(second(c.ResetPassword(ctxFor(l), w, ad.NewPassword{Value: pw(better)})), ad.ErrRights, ad.OutcomeNotWritten)
	})
}

func TestCheckPasswordTellsEveryState(t *testing.T) {
	everywhere(t, func(l *lab) {
		c := l.client()
		for _, s := range []struct {
			name string
			set  func(person)
			want error
		}{
			{"good", func(person) {}, nil},
			{"locked", person.lock, ad.ErrLocked},
			{"disabled", func(p person) { l.set(p.DN, "userAccountControl", "514") }, ad.ErrDisabled},
			{"account expired", func(p person) { l.set(p.DN, "accountExpires", "132000000000000000") }, ad.ErrAccountExpired},
			{"password expired", func(p person) {
				if err := l.Backdate(p.DN, 133000000000000000); err != nil {
					l.Fatal(err)
				}
			}, ad.ErrPasswordExpired},
			{"must change", func(p person) { l.set(p.DN, "pwdLastSet", "0") }, ad.ErrMustChange},
			{"logon hours", func(p person) { l.set(p.DN, "logonHours", strings.Repeat("\x00", 21)) }, ad.ErrLogonHours},
			{"workstation", func(p person) { l.set(p.DN, "userWorkstations", "ELSEWHERE") }, ad.ErrWorkstation},
		} {
			p := l.person()
			s.set(p)
			if err := c.CheckPassword(ctxFor(l), p.GUID, pw(start)); !errors.Is(err, s.want) {
				l.Errorf("%s: %v, want %v", s.name, err, s.want)
			}
			if s.want == nil || errors.Is(s.want, ad.ErrMustChange) {
				l.causes(c.CheckPassword(ctxFor(l), p.GUID, pw("wrong")), ad.ErrWrongPassword, ad.OutcomeNotWritten)
			}
		}
	})
}

func TestErrorsHoldNoPassword(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p := l.client(), l.person()
		const canary = "Canary"
		for _, err := range []error{
			second(c.ResetPassword(ctxFor(l), ad.Write{Target: p.GUID}, ad.NewPassword{Value: pw(canary)})),
			second(c.ChangePassword(ctxFor(l), ad.Write{Target: p.GUID}, pw(canary), pw(canary))),
			c.CheckPassword(ctxFor(l), p.GUID, pw(canary)),
		} {
			if err == nil || strings.Contains(fmt.Sprintf("%+v %#v", err, err), canary) {
				l.Errorf("%v", err)
			}
		}
	})
}

func TestWritesCarryOnNoFurtherThanTheContext(t *testing.T) {
	everywhere(t, func(l *lab) {
		c, p := l.client(), l.person()
		a := l.read(c, p.GUID)
		ctx, cancel := context.WithCancel(context.Background())
		_, err := c.ResetPassword(ctx, ad.Write{Target: p.GUID, Controller: a.Controller, Check: func(ad.Account) error { cancel(); return nil }},
			ad.NewPassword{Value: secret.New(better)})
		l.causes(err, ad.ErrUnavailable, ad.OutcomeNotWritten)
		if code := p.bind(start); code != "" {
			l.Errorf("bind: %s", code)
		}
	})
}
