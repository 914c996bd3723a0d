package server

import (
	"bytes"
	"context"
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
	"github.com/latchkey/latchkey/ad/minidc"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/e2e/everyday"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// wide lets a test try as often as it likes.
func wide(t *testing.T, rates ...*rate) {
	t.Helper()
	for _, r := range rates {
		was := *r
		r.burst, r.refill = 1<<20, time.Millisecond
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

// guessed are the proofs that are tried wrongly, one after the other; sent are those that
// are sent for before.
var (
	guessed = []enroll.ProofKind{
		enroll.ProofRecoveryCode, enroll.ProofTOTP, enroll.ProofPIN, enroll.ProofQuestions, enroll.ProofPassword, enroll.ProofDirectory,
	}
	sent = []enroll.ProofKind{enroll.ProofMailCode, enroll.ProofSMSCode}
)

// planted is a name that is somebody's, and each of whose answers is read so much later.
const planted = "planted"

// taken is what each route took past its pause, in one try of one name.
type taken map[string]time.Duration

// by times what do asks of a route.
func (t taken) by(route string, pause, later time.Duration, do func()) {
	start := time.Now()
	do()
	<-time.After(later)
	t[route] = time.Since(start) - pause
}

// Rule 13 by the clock: names that exist, that nobody has, that are disabled and that
// are protected take the same time, each beside each, and the measurement would see two
// milliseconds.
func TestAWayInTakesTheSameTimeForEveryName(t *testing.T) {
	everyday.Left(t, "that the answers are alike is tested here")
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverNet, &rateRecoverName, &rateRecoverOne, &rateRecoverAll, &rateRecoverSend, &rateWait, &rateStop,
		&rateWordNet, &rateWordAll, &rateWordOne, &rateWordNear, &rateWordFrom, &rateWordApprover)
	h := newHouse(t, byCodesToo, byAWord, alsoBy([]enroll.ProofKind{enroll.ProofPIN}, []enroll.ProofKind{enroll.ProofQuestions},
		[]enroll.ProofKind{enroll.ProofPassword}, []enroll.ProofKind{enroll.ProofDirectory, enroll.ProofPassword},
		[]enroll.ProofKind{enroll.ProofMailCode}, []enroll.ProofKind{enroll.ProofSMSCode}, []enroll.ProofKind{enroll.ProofDirectory, enroll.ProofVouching}))
	h.post.waits()
	quick := pauses
	pauses = pausesOf
	t.Cleanup(func() { pauses = quick })
	// Of somebody there is something to open, and to take back, each time.
	h.heard("kwame.mensah")
	h.engine.Set(workflow.Settings{Limits: workflow.Limits{PerHour: 1 << 20}})
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	p.codes()
	p.setsPIN()
	p.setsAnswers()
	p.verifies("mail-code", "me@home.example")
	p.verifies("sms-code", "+49 151 12345678")
	names := h.namesOfAllKinds()
	names[planted] = h.company.login()
	n, full := 16, os.Getenv("LATCHKEY_SOAK") != ""
	if full {
		n = 2000
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	shuffle := rand.New(rand.NewPCG(seed, 0))
	good, seen := 0, ""
	later := 2 * time.Millisecond // what would be seen
	if !full {
		later = 250 * time.Millisecond // by a reduced count
	}
	for run := range 3 {
		routes := tryNames(t, h, names, n, later)
		uneven := ""
		for _, route := range slices.Sorted(maps.Keys(routes)) {
			rounds, bound := routes[route], 0.03
			if len(rounds) < n {
				t.Fatalf("%s: %d tries of each name, of %d", route, len(rounds), n)
			}
			if !full { // a reduced count can't tell so little from chance
				bound = chance(rounds, shuffle)
			}
			apart, most, sees := apart(rounds, names, bound)
			t.Logf("run %d, %s: %d tries of each name, at most %.3f away from 0.5, %.3f counts; what is planted %.3f", run, route, len(rounds), most, bound, sees)
			if apart != "" {
				uneven += route + ": " + apart + "; "
			}
		}
		if uneven == "" {
			good++
			continue
		}
		seen = uneven
		t.Logf("run %d is not even: %s", run, uneven)
	}
	t.Logf("%d tries or more of each of %d names on each route, three times: %d runs even", n, len(names), good)
	h.drain()
	back := h.takenBack(h.company.person)
	t.Logf("of somebody %d were taken back", back)
	if back < n/8 { // most make way for a newer one before
		t.Errorf("of somebody %d were taken back, too few to tell by", back)
	}
	if good < 2 {
		t.Errorf("%d of 3 runs are even; %s", good, seen)
	}
}

func (h *house) namesOfAllKinds() map[string]string {
	h.t.Helper()
	names := map[string]string{"somebody": h.company.login(), "nobody": "nobody.at.all"}
	for _, person := range h.company.seeded.People {
		account, err := h.company.Account(h.t.Context(), ad.GUID(person.GUID))
		switch {
		case err != nil:
			h.t.Fatal(err)
		case account.Disabled:
			names["disabled"] = person.Account
		case account.Protected != ad.NotProtected:
			names["protected"] = person.Account
		}
	}
	if len(names) != 4 {
		h.t.Fatalf("only %v", names)
	}
	return names
}

// farAway counts like a store that is far away.
type farAway struct{ Limits }

func (l farAway) Take(ctx context.Context, key string, burst int, refill time.Duration, now time.Time) (time.Duration, error) {
	<-time.After(100 * time.Millisecond)
	return l.Limits.Take(ctx, key, burst, refill, now)
}

// A directory and a database that take longer than the pause make no name take two of
// them, and nothing that was right either where the rules refuse it.
func TestASlowDirectoryTellsNothingOfWhoExists(t *testing.T) {
	everyday.Left(t, "that what takes too long is refused, and uses up nothing, is tested in enroll")
	wide(t, &rateRecoverBegin, &rateRecover, &rateRecoverNet, &rateRecoverName, &rateRecoverOne, &rateRecoverAll, &rateWordNet, &rateWordAll, &rateWordOne, &rateWordNear)
	h := newHouse(t, alsoBy([]enroll.ProofKind{enroll.ProofPIN}, []enroll.ProofKind{enroll.ProofPassword}, []enroll.ProofKind{enroll.ProofDirectory, enroll.ProofPassword},
		[]enroll.ProofKind{enroll.ProofPassword, enroll.ProofVouching}))
	quick := pauses
	t.Cleanup(func() { pauses = quick })
	owner := h.phone()
	owner.enrol(h.invitation(h.company.person), h.company.who.Password)
	owner.setsPIN()
	pauses = pausesOf
	names := h.namesOfAllKinds()
	for _, op := range []minidc.Operation{minidc.OpSearch, minidc.OpBind} {
		t.Cleanup(h.company.dc.Inject(minidc.Slow(1500 * time.Millisecond).On(op)))
	}
	h.Server.cfg.Limits = farAway{h.store}
	password, known := fields{"kind": "password", "value": "Wrong-1-wrong"}, fields{"kind": "directory", "value": "wrong"}
	tries := []struct {
		name, path string
		proofs     []fields
		pause      time.Duration
	}{
		{"a password", "/api/recover/finish", []fields{password}, pauses.asked},
		{"what the directory knows", "/api/recover/finish", []fields{known, password}, pauses.asked},
		{"a password beside a word", "/api/recover/ask", []fields{password}, pauses.asked},
		{"a wrong PIN", "/api/recover/finish", []fields{{"kind": "pin", "value": "840672"}}, pauses.guess},
		// Of its owner, who holds a passkey, the PIN alone is never enough.
		{"the PIN of somebody", "/api/recover/finish", []fields{{"kind": "pin", "value": "739201"}}, pauses.guess},
	}
	var wg sync.WaitGroup
	for who, name := range names {
		for _, try := range tries {
			wg.Go(func() {
				p := h.phone()
				begun := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": name, "kind": "reset"})
				start := time.Now()
				res := p.call("POST", try.path, fields{"token": begun.Token, "proofs": try.proofs})
				took := time.Since(start)
				if body := bodyOf(t, res); res.StatusCode != http.StatusForbidden || !strings.Contains(body, "recover.refused") {
					t.Errorf("%s of %s: %d %s", try.name, who, res.StatusCode, body)
				}
				if took < try.pause || took >= try.pause+time.Second {
					t.Errorf("%s of %s took %s, which is not a pause of %s", try.name, who, took, try.pause)
				}
			})
		}
	}
	wg.Wait()
}

// Whoever is let in is told so by the answer itself: only who is not waits for the pause.
func TestWhoeverIsLetInWaitsForNoPause(t *testing.T) {
	h := newHouse(t, byCodesToo)
	p := h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	codes := p.codes()
	quick := pauses
	pauses.finish = time.Hour
	t.Cleanup(func() { pauses = quick })
	let := make(chan int, 1)
	go func() { let <- h.phone().tries(h.company.login(), "unlock", "recovery-code", codes[0]).StatusCode }()
	select {
	case status := <-let:
		if status != http.StatusOK {
			t.Errorf("a recovery code: %d", status)
		}
	case <-time.After(time.Minute):
		t.Error("a recovery code waits for the pause of those that are wrong")
	}
}

// What goes on without its connection takes the server down with nothing.
func TestATryThatPanicsIsAFaultLikeAnyOther(t *testing.T) {
	st := newStage(t)
	st.party.panics = true
	res := st.ask("POST", "/api/recover/finish", `{"token":"t","proofs":[{"kind":"recovery-code","value":"x"}]}`)
	if res.StatusCode != http.StatusInternalServerError || !strings.Contains(st.logged.String(), "out of hand") {
		t.Errorf("%d; %s", res.StatusCode, st.logged)
	}
}

// apart says which two names take another time, how far from 0.5 the two that are farthest
// apart are, and how far the name is that is answered later than its like.
func apart(rounds []map[string]time.Duration, names map[string]string, bound float64) (seen string, most, sees float64) {
	all := slices.Sorted(maps.Keys(names))
	for i, one := range all {
		for _, other := range all[:i] {
			if one == planted || other == planted {
				continue
			}
			away := math.Abs(auc(column(rounds, one), column(rounds, other)) - 0.5)
			most = max(most, away)
			if away > bound {
				seen = fmt.Sprintf("%s and %s: AUC is %.3f away from 0.5, %.3f allowed", one, other, away, bound)
			}
		}
	}
	sees = math.Abs(auc(column(rounds, planted), column(rounds, "somebody")) - 0.5)
	if sees <= bound {
		seen = "what is answered later is not seen"
	}
	return seen, most, sees
}

// takenBack counts the requests that a browser which waited no longer ended.
func (h *house) takenBack(account ad.GUID) (n int) {
	h.t.Helper()
	var log bytes.Buffer
	if err := h.store.Export(h.t.Context(), &log); err != nil {
		h.t.Fatal(err)
	}
	for line := range strings.Lines(log.String()) {
		if strings.Contains(line, `"`+string(audit.RequestCancelled)+`"`) && strings.Contains(line, account.String()) && !strings.Contains(line, string(workflow.ErrSuperseded)) {
			n++
		}
	}
	return n
}

// chance is how far the AUC of two names gets from 0.5 where nothing tells them apart,
// but for one of some thousand times: the names of each round are dealt anew, so that a
// machine that is slow for a while is slow for all of them.
func chance(rounds []map[string]time.Duration, shuffle *rand.Rand) float64 {
	var away float64
	for range 2000 {
		a, b := make([]time.Duration, len(rounds)), make([]time.Duration, len(rounds))
		for i, round := range rounds {
			round = maps.Clone(round)
			delete(round, planted)
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

// tryNames tries each name n times in each of three ways, one of each in turn, and returns
// by route what each name took, a round each. What is planted is read later.
func tryNames(t *testing.T, h *house, names map[string]string, n int, later time.Duration) map[string][]map[string]time.Duration {
	t.Helper()
	routes := map[string][]map[string]time.Duration{}
	// Rounds at once: they only wait, nearly always. Of words fewer, since whoever asks anew
	// takes the place of who asked before.
	words, proofs := make(chan struct{}, 16), make(chan struct{}, 32)
	if n > 1000 {
		words, proofs = make(chan struct{}, 48), make(chan struct{}, 96)
	}
	order := slices.Sorted(maps.Keys(names))
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i := range 3 * n {
		gate := proofs
		if i%3 == 0 {
			gate = words
		}
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			round := map[string]taken{}
			for _, j := range rand.Perm(len(order)) {
				// Not all at one tick: they would queue behind each other.
				<-time.After(rand.N(200 * time.Millisecond))
				var err error
				var wait time.Duration
				if order[j] == planted {
					wait = later
				}
				took, nth := taken{}, i/3
				switch i % 3 {
				case 0:
					beside := []fields{}
					if nth%5 == 4 {
						beside = []fields{{"kind": "directory", "value": "wrong"}}
					}
					err = tryWord(h.phone(), names[order[j]], []string{"reset", "enrol"}[nth/2%2], beside, nth%2 == 0, took, wait)
				case 1:
					err = tryProof(h.phone(), names[order[j]], sent[nth%len(sent)], took, wait)
				case 2:
					err = tryProof(h.phone(), names[order[j]], guessed[nth%len(guessed)], took, wait)
				}
				if err != nil {
					t.Errorf("%s: %v", order[j], err)
				}
				round[order[j]] = took
			}
			mu.Lock()
			defer mu.Unlock()
			for route := range round[order[0]] {
				of := map[string]time.Duration{}
				for name, took := range round {
					of[name] = took[route]
				}
				routes[route] = append(routes[route], of)
			}
		})
	}
	wg.Wait()
	return routes
}

// tryProof gives a wrong proof, and sends for it before where it is one that is sent.
func tryProof(p *phone, name string, kind enroll.ProofKind, took taken, later time.Duration) error {
	var begun RecoveryBegun
	took.by("begin", pauses.begin, later, func() {
		begun = fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": name, "kind": "unlock"})
	})
	proofs := []fields{{"kind": string(kind), "value": "000000"}}
	switch kind {
	case enroll.ProofMailCode, enroll.ProofSMSCode:
		took.by("send", pauses.begin, later, func() {
			begun = fetch[RecoveryBegun](p, "POST", "/api/recover/send", fields{"token": begun.Token, "kind": string(kind)})
		})
	case enroll.ProofQuestions:
		proofs[0]["value"], proofs[0]["answers"] = "", []string{"the blue one", "the green one", "the grey one"}
	case enroll.ProofRecoveryCode:
		proofs[0]["value"] = "0000-0000-0000-0000"
	case enroll.ProofDirectory:
		proofs = append(proofs, fields{"kind": string(enroll.ProofPassword), "value": "Wrong-1-wrong"})
	}
	var res *http.Response
	took.by("finish", pauses.of([]recoveryAnswer{{Kind: string(kind)}}), later, func() {
		res = p.call("POST", "/api/recover/finish", fields{"token": begun.Token, "proofs": proofs})
	})
	if res.StatusCode != http.StatusForbidden {
		return fmt.Errorf("a wrong %s: %d", kind, res.StatusCode)
	}
	return nil
}

// tryWord asks for a colleague's word, alone or beside what only names somebody, waits once
// for it and stops, or first stops.
func tryWord(p *phone, name, kind string, beside []fields, stopFirst bool, took taken, later time.Duration) (err error) {
	begun := fetch[RecoveryBegun](p, "POST", "/api/recover/begin", fields{"name": name, "kind": kind})
	var q waits
	took.by("ask", pauses.finish, later, func() {
		q = waits{p, fetch[Waiting](p, "POST", "/api/recover/ask", fields{"token": begun.Token, "proofs": beside})}
	})
	look := func() {
		took.by("wait", pauses.wait, later, func() {
			if got := q.state(); got.State != "waiting" {
				err = fmt.Errorf("in by nobody's word: %+v", got)
			}
		})
	}
	if !stopFirst {
		look()
	}
	took.by("stop", pauses.wait, later, q.stops)
	if stopFirst {
		look()
	}
	return err
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
