package server

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// limitedCalls are requests with the burst that each may come in.
var limitedCalls = []struct {
	method, path, body string
	limit              rate
}{
	{"POST", "/api/sign-in/begin", "{}", rateSignInBegin},
	{"POST", "/api/sign-in/finish", `{"token":"t","credential":{},"remember":true}`, rateSignInFinish},
	{"POST", "/api/enrol/open", `{"token":"t"}`, rateInvitation},
	{"POST", "/api/enrol/begin", `{"token":"t","grant":""}`, rateInvitation},
	{"POST", "/api/enrol/password", `{"token":"t","password":"x"}`, rateADTryOne},
	{"POST", "/api/requests", `{"kind":"unlock"}`, rateSubmit},
	{"POST", "/api/requests/r1/password/check", `{"password":"x"}`, rateCheck},
	{"POST", "/api/requests/r1/execute", `{"password":"x"}`, rateExecute},
	{"POST", "/api/requests/r1/execute", `{"password":"x","old":"y"}`, rateOldTry},
	{"POST", "/api/step-up/begin", `{"purpose":"add-passkey"}`, rateStepUp},
	{"POST", "/api/reviews/r1/approve/begin", `{"number":"47"}`, rateApprove},
	{"POST", "/api/reviews/r1/approve/finish", `{"token":"t","credential":{}}`, rateReview},
	{"POST", "/api/reviews/r1/deny", `{"chip":"other","reason":""}`, rateReview},
	{"POST", "/api/reviews/r1/report", "{}", rateReview},
	{"POST", "/api/reviews/r1/freeze/begin", "{}", rateApprove},
	{"POST", "/api/freeze/notice", `{"token":"t"}`, rateFreeze},
	{"POST", "/api/requests/r1/remind", "{}", rateRemind},
	{"POST", "/api/devices", `{"endpoint":"https://push.example.test/x","p256dh":"AAAA","auth":"AAAA"}`, rateDevice},
	{"POST", "/api/devices/d1/test", "{}", rateDeviceTest},
	{"GET", "/api/requests/r1/photo/02000000-0000-0000-0000-000000000000", "", ratePhoto},
	{"GET", "/api/live", "", rateLive},
	{"GET", "/api/me", "", rateRead},
}

func TestABurstPassesAndTheNextOneWaits(t *testing.T) {
	for _, c := range limitedCalls {
		st := newStage(t)
		for i := range c.limit.burst {
			if res := st.in(c.method, c.path, c.body); res.StatusCode >= 300 {
				t.Fatalf("%s, %d of %d: %d", c.path, i+1, c.limit.burst, res.StatusCode)
			}
		}
		counted := st.limits.took
		res := st.in(c.method, c.path, c.body)
		p := wantProblem(t, res, http.StatusTooManyRequests, "limit.reached")
		want := retryAfter(limited{c.limit.refill})
		if p.RetryAfter != want || res.Header.Get("Retry-After") != fmt.Sprint(want) {
			t.Errorf("%s: wait %d, header %q, want %d", c.path, p.RetryAfter, res.Header.Get("Retry-After"), want)
		}
		if st.limits.took > counted+1 {
			t.Errorf("%s: a refused request reached the store", c.path)
		}
		st.clock.add(c.limit.refill)
		if res := st.in(c.method, c.path, c.body); res.StatusCode >= 300 {
			t.Errorf("%s after the wait: %d", c.path, res.StatusCode)
		}
	}
}

func TestUnknownTokensAreCountedToo(t *testing.T) {
	st := newStage(t)
	st.party.err = fmt.Errorf("x: %w", errNotFound)
	limited := 0
	for i := range rateADTry.burst + 1 {
		body := fmt.Sprintf(`{"token":"guess-%d","password":"x"}`, i)
		if st.ask("POST", "/api/enrol/password", body).StatusCode == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited != 1 {
		t.Errorf("%d guesses were stopped, want the last one", limited)
	}
}

func TestTheStoreCountsWhatMemoryForgot(t *testing.T) {
	st := newStage(t, func(cfg *Config) { cfg.Limits = &empties{} })
	for _, c := range limitedCalls {
		if c.limit.local {
			continue
		}
		p := wantProblem(t, st.in(c.method, c.path, c.body), http.StatusTooManyRequests, "limit.reached")
		if p.RetryAfter != 7 {
			t.Errorf("%s: %d", c.path, p.RetryAfter)
		}
	}
}

func TestAddressesHaveBucketsOfTheirOwn(t *testing.T) {
	st := newStage(t, func(cfg *Config) { cfg.TrustedProxies = nets("0.0.0.0/8") })
	from := func(address string) int {
		return st.ask("POST", "/api/sign-in/begin", "{}", "X-Forwarded-For", address).StatusCode
	}
	for range rateSignInBegin.burst {
		from("2001:db8::1")
	}
	if from("2001:db8::2") != http.StatusTooManyRequests {
		t.Error("the same /64 has a second bucket")
	}
	if from("2001:db8:0:1::1") != http.StatusOK || from("192.0.2.1") != http.StatusOK {
		t.Error("a neighbour has no bucket")
	}
}

// An objectGUID is no secret in a domain: as a made-up token it must not count
// against the person's own old password.
func TestATokenNeverCountsAgainstAPerson(t *testing.T) {
	st := newStage(t)
	for range rateADTryOne.burst {
		st.ask("POST", "/api/enrol/password", `{"token":"`+alice.String()+`","password":"x"}`)
	}
	if res := st.in("POST", "/api/requests/r1/execute", `{"password":"x","old":"y"}`); res.StatusCode != http.StatusOK {
		t.Errorf("a stranger used up her tries: %d", res.StatusCode)
	}
}

// Whoever has a /48 has 65,536 networks: enough to push everybody else's sign-ins
// out of a store that keeps so many.
func TestOneIPv6SiteHasNoEndlessBuckets(t *testing.T) {
	st := newStage(t, func(cfg *Config) { cfg.TrustedProxies = nets("0.0.0.0/8") })
	passed := 0
	for i := range 2 * siteFactor {
		for range rateSignInFinish.burst {
			from := fmt.Sprintf("2001:db8:7:%x::1", i)
			res := st.ask("POST", "/api/sign-in/finish", `{"token":"t","credential":{},"remember":true}`, "X-Forwarded-For", from)
			if res.StatusCode == http.StatusOK {
				passed++
			}
		}
	}
	if passed != siteFactor*rateSignInFinish.burst {
		t.Errorf("%d passed", passed)
	}
	if st.ask("POST", "/api/sign-in/finish", `{"token":"t","credential":{},"remember":true}`, "X-Forwarded-For", "2001:db8:8::1").StatusCode != http.StatusOK {
		t.Error("another site is stopped, too")
	}
}

func TestTheFactorWidensAddressesOnly(t *testing.T) {
	st := newStage(t, func(cfg *Config) { cfg.LimitFactor = 3 })
	for i := range 3 * rateSignInBegin.burst {
		if st.ask("POST", "/api/sign-in/begin", "{}").StatusCode != http.StatusOK {
			t.Fatalf("stopped at %d", i)
		}
	}
	for range rateExecute.burst {
		st.in("POST", "/api/requests/r1/execute", `{"password":"x"}`)
	}
	wantProblem(t, st.in("POST", "/api/requests/r1/execute", `{"password":"x"}`), http.StatusTooManyRequests, "limit.reached")
}

func TestKeysInTheStoreNameNobody(t *testing.T) {
	st := newStage(t)
	st.in("POST", "/api/requests/r1/execute", `{"password":"x","old":"y"}`)
	st.ask("POST", "/api/enrol/open", `{"token":"secret-token"}`)
	for _, k := range st.limits.keys {
		if strings.Contains(k, "0.0.0.0") || strings.Contains(k, "secret-token") || strings.Contains(k, alice.String()) {
			t.Error(k)
		}
	}
	if len(st.limits.keys) != 4 {
		t.Errorf("%v", st.limits.keys)
	}
}

func TestStrangersUseBoundedMemory(t *testing.T) {
	var b buckets
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	for i := range 3 * maxBuckets {
		b.take(fmt.Sprint(i), 5, time.Minute, now)
	}
	if len(b.full) > maxBuckets {
		t.Errorf("%d buckets", len(b.full))
	}
	for i := range maxBuckets {
		b.take(fmt.Sprint("later", i), 5, time.Minute, now.Add(time.Hour))
	}
	if len(b.full) > maxBuckets {
		t.Errorf("%d buckets", len(b.full))
	}
}

func TestOfManyCallersAsManyAsTokensPass(t *testing.T) {
	var b buckets
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	var wg sync.WaitGroup
	var mu sync.Mutex
	passed := 0
	for range 200 {
		wg.Go(func() {
			if b.take("k", 5, time.Minute, now) == 0 {
				mu.Lock()
				passed++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if passed != 5 {
		t.Errorf("%d passed", passed)
	}
}

func TestAClockThatWasSetBackShutsNobodyOut(t *testing.T) {
	var b buckets
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for range 3 {
		b.take("office", 3, time.Second, now.Add(24*time.Hour))
	}
	if wait := b.take("office", 3, time.Second, now); wait != 0 {
		t.Errorf("a day ahead shuts out for %s", wait)
	}
	b.take("office", 3, time.Second, now)
	b.take("office", 3, time.Second, now)
	if b.take("office", 3, time.Second, now) == 0 {
		t.Error("more than a burst")
	}
}
