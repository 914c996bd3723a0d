package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

// wide lets a test try as often as it likes.
func wide(t *testing.T, rates ...*rate) {
	t.Helper()
	for _, r := range rates {
		was := *r
		r.burst, r.refill = 1<<20, time.Microsecond
		t.Cleanup(func() { *r = was })
	}
}

// auc is the chance that a draw of a is larger than one of b: 0.5 where nothing tells
// them apart (Mann-Whitney U over the product of the sizes).
func auc(a, b []time.Duration) float64 {
	sorted := slices.Clone(b)
	slices.Sort(sorted)
	var u float64
	for _, x := range a {
		below, _ := slices.BinarySearch(sorted, x)
		above, _ := slices.BinarySearch(sorted, x+1)
		u += float64(below) + float64(above-below)/2
	}
	return u / float64(len(a)*len(b))
}

// Rule 13 by the clock: names that exist, that nobody has, that are disabled and that
// are protected take the same time, and the measurement would see two milliseconds.
func TestAWayInTakesTheSameTimeForEveryName(t *testing.T) {
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverNet, &rateRecoverName, &rateRecoverOne, &rateRecoverAll, &rateWordNet, &rateWordAll, &rateWait)
	h := newHouse(t, byCodesToo, byAWord)
	pauses = pausesOf
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	p.codes()
	names := map[string]string{"somebody": h.company.login(), "nobody": "nobody.at.all"}
	for _, person := range h.company.seeded.People {
		account, err := h.company.Account(t.Context(), ad.GUID(person.GUID))
		switch {
		case err != nil:
			t.Fatal(err)
		case account.Disabled:
			names["disabled"] = person.Account
		case account.Protected != ad.NotProtected:
			names["protected"] = person.Account
		}
	}
	if len(names) != 4 {
		t.Fatalf("only %v", names)
	}
	n, full := 48, os.Getenv("LATCHKEY_SOAK") != ""
	if full {
		n = 2000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	shuffle := rand.New(rand.NewPCG(seed, 0))
	good, seen := 0, ""
	for run := range 3 {
		rounds := tryNames(t, h, names, n)
		bound := 0.03
		if !full {
			// A reduced count can't tell so little from chance.
			bound = chance(rounds, shuffle)
		}
		even := true
		somebody := column(rounds, "somebody")
		for name := range names {
			if away := math.Abs(auc(column(rounds, name), somebody) - 0.5); away > bound {
				even, seen = false, fmt.Sprintf("%s: AUC is %.3f away from 0.5, %.3f allowed", name, away, bound)
			}
		}
		// What would be seen: two milliseconds, or by a reduced count a quarter of a second.
		planted, later := slices.Clone(somebody), 2*time.Millisecond
		if !full {
			later = 250 * time.Millisecond
		}
		for i := range planted {
			planted[i] += later
		}
		sees := math.Abs(auc(planted, somebody) - 0.5)
		t.Logf("run %d: %s are %.3f away from 0.5, %.3f counts", run, later, sees, bound)
		if sees <= bound {
			even, seen = false, fmt.Sprintf("%s later would not be seen", later)
		}
		if even {
			good++
		}
	}
	t.Logf("%d tries of each of %d names, three times: %d runs even", n, len(names), good)
	if good < 2 {
		t.Errorf("%d of 3 runs are even; %s", good, seen)
	}
}

// chance is how far the AUC of two names gets from 0.5 where nothing tells them apart,
// but for one of some thousand times: the names of each round are dealt anew, so that a
// machine that is slow for a while is slow for all of them.
func chance(rounds []map[string]time.Duration, shuffle *rand.Rand) float64 {
	var away float64
	for range 2000 {
		a, b := make([]time.Duration, len(rounds)), make([]time.Duration, len(rounds))
		for i, round := range rounds {
			took := slices.Sorted(maps.Values(round))
			x := shuffle.IntN(len(took))
			y := (x + 1 + shuffle.IntN(len(took)-1)) % len(took)
			a[i], b[i] = took[x], took[y]
		}
		away = max(away, math.Abs(auc(a, b)-0.5))
	}
	return max(away, 0.03)
}

func column(rounds []map[string]time.Duration, name string) []time.Duration {
	out := make([]time.Duration, len(rounds))
	for i, round := range rounds {
		out[i] = round[name]
	}
	return out
}

// tryNames tries each name n times, one of each in turn, and returns for each round
// what begin and finish took together, past the pause that both wait for.
func tryNames(t *testing.T, h *house, names map[string]string, n int) []map[string]time.Duration {
	t.Helper()
	rounds := make([]map[string]time.Duration, n)
	at := 24 // rounds at once: they only wait, nearly always
	if n > 1000 {
		at = 72
	}
	gate := make(chan struct{}, at)
	order := slices.Sorted(maps.Keys(names))
	var wg sync.WaitGroup
	for i := range rounds {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			rounds[i] = map[string]time.Duration{}
			for _, j := range rand.Perm(len(order)) {
				// Not all at one tick: they would queue behind each other.
				<-time.After(rand.N(200 * time.Millisecond))
				took, err := tryName(h.phone(), names[order[j]], i%2 == 0)
				rounds[i][order[j]] = took
				if err != nil {
					t.Errorf("%s: %v", order[j], err)
				}
			}
		})
	}
	wg.Wait()
	return rounds
}

// tryName gives a wrong code, or asks for a colleague's word and waits once for it. It
// returns how long that took past its pauses.
func tryName(p *phone, name string, word bool) (time.Duration, error) {
	start := time.Now()
	if !word {
		res := p.tries(name, "reset", "recovery-code", "0000-0000-0000-0000")
		if res.StatusCode != http.StatusForbidden {
			return 0, fmt.Errorf("a wrong code: %d", res.StatusCode)
		}
		return time.Since(start) - pauses.begin - pauses.finish, nil
	}
	begun := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": name, "kind": "reset"})
	waiting := fetch[Waiting](p, "POST", "/api/recover/ask", fields{"token": begun.Token, "proofs": []fields{}})
	if got := fetch[Waited](p, "POST", "/api/recover/wait", fields{"token": waiting.Token}); got.State != "waiting" {
		return 0, fmt.Errorf("in by nobody's word: %+v", got)
	}
	return time.Since(start) - pauses.begin - pauses.finish - pauses.wait, nil
}

// Many names, a little each, from many networks: the brake closes the way in by what
// could be guessed and tells whoever runs the server, once; no account is touched, and
// a passkey and a recovery code still open. 10,000 tries over 1,000 names from 50
// networks with LATCHKEY_SOAK=1.
func TestSprayingEndsAtTheBrake(t *testing.T) {
	n, names, networks, at := 300, 60, 10, 100
	if os.Getenv("LATCHKEY_SOAK") != "" {
		n, names, networks = 10_000, 1_000, 50
	}
	h := newHouse(t, byCodesToo, alsoBy([]enroll.ProofKind{enroll.ProofPassword}))
	h.Server.Set(Settings{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/8")}})
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	codes := p.codes()
	people := h.company.seeded.People
	from := func(i int) *phone {
		q := h.phone()
		q.from = fmt.Sprintf("2001:db8:%x::%x", i%networks, i)
		return q
	}
	gate := make(chan struct{}, at)
	var wg sync.WaitGroup
	var mu sync.Mutex
	answers := map[int]int{}
	for i := range n {
		gate <- struct{}{}
		wg.Go(func() {
			defer func() { <-gate }()
			name, kind := fmt.Sprint("guess.", i%names), "totp"
			if i%names < len(people) {
				name = people[i%names].Account
			}
			if i%3 == 0 {
				kind = "password"
			}
			q := from(i)
			res := q.call("POST", "/api/recover/begin", fields{"name": name, "kind": "unlock"})
			if res.StatusCode == http.StatusOK {
				var begun RecoveryBegun
				if err := json.Unmarshal([]byte(bodyOf(t, res)), &begun); err != nil {
					t.Error(err)
				}
				res = q.call("POST", "/api/recover/finish", fields{"token": begun.Token, "proofs": []fields{{"kind": kind, "value": fmt.Sprintf("%06d", i)}}})
			}
			mu.Lock()
			answers[res.StatusCode]++
			mu.Unlock()
		})
	}
	wg.Wait()
	// As many as the bucket holds, and what it gained meanwhile.
	most := rateRecoverAll.burst + 60
	if answers[http.StatusForbidden] > most || answers[http.StatusForbidden] == 0 || answers[http.StatusForbidden]+answers[http.StatusTooManyRequests] != n {
		t.Errorf("answers %v, at most %d are looked at", answers, most)
	}
	elsewhere := func() *phone {
		q := h.phone()
		q.from = "2001:db8:ffff::1"
		return q
	}
	wantProblem(t, elsewhere().tries("somebody.else", "unlock", "totp", "000000"), http.StatusTooManyRequests, "limit.reached")
	for _, person := range people {
		if account, err := h.company.Account(t.Context(), ad.GUID(person.GUID)); err == nil && account.Locked && person.Note == "" {
			t.Errorf("%s is locked", person.Account)
		}
	}
	var log bytes.Buffer
	if err := h.store.Export(t.Context(), &log); err != nil {
		t.Fatal(err)
	}
	if braked := strings.Count(log.String(), `"`+string(audit.RecoverBraked)+`"`); braked != 1 {
		t.Errorf("%d alerts", braked)
	}
	if me := p.signIn(); me.Passkeys != 1 {
		t.Errorf("the passkey: %+v", me)
	}
	// Nor does a stranger shut the way in by a code that nobody guesses.
	if me := elsewhere().comesIn(h.company.login(), "unlock", "recovery-code", codes[0]); !me.Session.Recovered {
		t.Errorf("the recovery code: %+v", me.Session)
	}
	t.Logf("%d tries over %d names from %d networks: %v", n, names, networks, answers)
}
