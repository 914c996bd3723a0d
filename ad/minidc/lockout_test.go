package minidc_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad/minidc"
)

func TestTheLockoutEndsWithItsDuration(t *testing.T) {
	l := newLab(t, minidc.Config{})
	for _, want := range []string{"52e", "52e", "52e", "775"} {
		l.binds("wrong", want)
	}
	at := strconv.FormatInt(minidc.Filetime(l.clock.now()), 10)
	l.has(alice, "lockoutTime", at)
	l.has(alice, "msDS-User-Account-Control-Computed", "16")
	l.clock.advance(15*time.Minute - time.Second)
	l.binds(secret, "775")
	l.clock.advance(2 * time.Second)
	l.has(alice, "msDS-User-Account-Control-Computed", "0")
	l.has(alice, "lockoutTime", at) // stays until the next good bind
	l.binds(secret, "")
	l.has(alice, "lockoutTime", "0")
	l.has(alice, "badPwdCount", "0")
}

func TestBadPasswordsAreForgottenAfterTheObservationWindow(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.binds("wrong", "52e")
	l.binds("wrong", "52e")
	l.clock.advance(10*time.Minute + time.Second)
	l.binds("wrong", "52e")
	l.has(alice, "badPwdCount", "1")
	l.binds("wrong", "52e")
	l.binds("wrong", "52e")
	l.binds(secret, "775")
}

func TestALockoutWithoutDurationWaitsForSomebody(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.SetDomainPolicy(minidc.Policy{LockoutThreshold: 1, ObservationWindow: time.Minute})
	l.binds("wrong", "52e")
	l.clock.advance(20 * 365 * 24 * time.Hour)
	l.binds(secret, "775")
	l.want(modify(l.svc, alice, replace("lockoutTime", "0")), "")
	l.binds(secret, "")
}

func TestAPersonsOwnPolicyRulesTheLockout(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.AddPSO(minidc.PSO{Name: "loose", Precedence: 1, AppliesTo: []string{"CN=Domain Users,CN=Users," + base}, Policy: minidc.Policy{LockoutThreshold: 9}})
	l.AddPSO(minidc.PSO{Name: "strict", Precedence: 50, AppliesTo: []string{alice},
		Policy: minidc.Policy{MinLength: 12, LockoutThreshold: 1, LockoutDuration: time.Minute, ObservationWindow: time.Minute}})
	l.has(alice, "msDS-ResultantPSO", "CN=strict,CN=Password Settings Container,CN=System,"+base)
	l.want(modify(l.svc, alice, reset("Eleven-ch.1")), "19 0000052D")
	l.binds("wrong", "52e")
	l.binds(secret, "775")
	l.clock.advance(time.Minute + time.Second)
	l.binds(secret, "")
}

func TestThePasswordExpiresWithItsAge(t *testing.T) {
	l := newLab(t, minidc.Config{})
	set := l.clock.now()
	l.has(alice, "msDS-UserPasswordExpiryTimeComputed", strconv.FormatInt(minidc.Filetime(set.Add(40*24*time.Hour)), 10))
	l.clock.advance(40*24*time.Hour - time.Second)
	l.binds(secret, "")
	l.clock.advance(2 * time.Second)
	l.binds(secret, "532")
	l.binds("wrong", "52e")
	l.has(alice, "msDS-User-Account-Control-Computed", "8388608")
	l.want(modify(l.svc, alice, exchange(secret, "Next-Pass.1")), "")
	l.binds("Next-Pass.1", "")
}

func TestLogonHoursFollowTheClock(t *testing.T) {
	l := newLab(t, minidc.Config{}) // Tuesday 09:30 UTC
	hours := make([]byte, 21)
	hours[(2*24+10)/8] = 1 << ((2*24 + 10) % 8) // Tuesday, from 10 to 11
	l.Set(alice, "logonHours", string(hours))
	l.binds(secret, "530")
	l.clock.advance(time.Hour)
	l.binds(secret, "")
	l.clock.advance(time.Hour)
	l.binds(secret, "530")
}

func TestTheMinimumAgeHoldsBackAChangeButNoReset(t *testing.T) {
	l := newLab(t, minidc.Config{})
	l.SetDomainPolicy(minidc.Policy{MinAge: 24 * time.Hour})
	l.want(modify(l.svc, alice, exchange(secret, "Next-Pass.1")), "19 0000052D")
	l.want(modify(l.svc, alice, reset("Other-Pass.1")), "")
	l.clock.advance(25 * time.Hour)
	l.want(modify(l.svc, alice, exchange("Other-Pass.1", "Next-Pass.1")), "")
}

func TestTheLastTwoPasswordsAreRefusedButNotCounted(t *testing.T) {
	l := newLab(t, minidc.Config{})
	for _, p := range []string{"Second-Pass.2", "Third-Pass.3", "Fourth-Pass.4"} {
		l.want(modify(l.svc, alice, reset(p)), "")
	}
	l.binds("Third-Pass.3", "52e")
	l.binds("Second-Pass.2", "52e")
	l.has(alice, "badPwdCount", "0")
	l.binds(secret, "52e")
	l.has(alice, "badPwdCount", "1")
}
