package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/server"
	"github.com/latchkey/latchkey/workflow"
)

// The command and the running server say the same of everybody, under every policy:
// the server is the one that `serve` runs, with its own directory and its own database,
// and takes each policy by a reload. What people hold is drawn anew from policy to policy.
func TestExplainAndTheRunningServerAgree(t *testing.T) {
	people, policies := 16, 16
	if os.Getenv("LATCHKEY_SOAK") == "1" {
		people, policies = 100, 100
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d; %d people × %d policies", seed, people, policies)
	rnd := rand.New(rand.NewPCG(seed, 1))
	r := newRealm(t, rnd, people)
	r.write(t, r.config, r.draw(t, rnd))
	cfg, err := config.Load(r.config)
	must(t, err)
	said := &bytes.Buffer{}
	a, err := openApp(t.Context(), cfg, streams{said, said})
	must(t, err)
	defer a.close()
	a.path, a.web = r.config, &server.Server{}
	all := agreement{app: a, seen: map[workflow.Seen]int{}, codes: map[string]int{}}
	for i := range policies {
		r.clock.Add(int64(3600*3 + rnd.IntN(3600*50))) // over the limit of an hour, and over every draft's end
		drawn := r.draw(t, rnd)
		if i < len(certain) {
			drawn = []any{certain[i]}
		}
		r.write(t, r.config, drawn)
		_, err := a.reload(t.Context(), reloadCall{By: "test"})
		must(t, err)
		for n, name := range r.names {
			a.drawHeld(t, rnd, name, n == firstPerson)
		}
		for _, name := range r.names {
			kind := workflow.KindReset
			if i >= len(certain) {
				kind = workflow.Kinds[rnd.IntN(len(workflow.Kinds))]
			}
			from := []string{"10.9.8.7", "203.0.113.7", "2001:db8::7", ""}[rnd.IntN(4)]
			all.compare(t, explainBy(t, r, name, kind, from), kind, from)
		}
	}
	t.Logf("seen %v; codes %v; %d requests opened, %d ways in without a passkey, %d duties", all.seen, all.codes, all.opened, all.ways, all.duties)
	for _, s := range []workflow.Seen{workflow.SeenOffered, workflow.SeenRefused, workflow.SeenNothing, workflow.SeenMistaken} {
		if all.seen[s] == 0 {
			t.Errorf("nobody was %s: the test tests too little", s)
		}
	}
	for _, code := range []error{workflow.ErrProofTooWeak, workflow.ErrOnlyVouched, workflow.ErrCoolDown, workflow.ErrDuty, workflow.ErrFrozen, workflow.ErrNoApprover} {
		if all.codes[code.Error()] == 0 {
			t.Errorf("nobody was refused with %v: the test tests too little", code)
		}
	}
	if all.opened == 0 || all.ways == 0 || all.duties == 0 {
		t.Error("the test tests too little")
	}
}

// certain are policies of which each brings one of the answers, whatever is drawn.
var certain = func() (all []object) {
	everybody := object{"everyone": true}
	passkey := object{"prove": []string{"passkey"}}
	for _, c := range []struct {
		name  string
		reset object
		hold  object
	}{
		{"broken", nil, nil},
		{"all", passkey, nil},
		{"none", nil, nil},
		{"weak", object{"prove": []string{"totp"}}, nil},
		{"word", object{"prove": []string{"vouching"}, "approve": []any{object{"by": "manager", "else": object{"group": "CN=Helpdesk,OU=Groups," + realmBase}}}}, nil},
		{"duty", object{"prove": []string{"passkey", "pin"}}, object{"must": []string{"pin"}, "otherwise": "limit"}},
		{"alone", object{"prove": []string{"passkey"}, "approve": []any{object{"by": object{"group": "CN=Empty,OU=Groups," + realmBase}}}}, nil},
		{"wait", object{"prove": []string{"passkey"}, "cool_down": "720h"}, nil},
	} {
		rule := object{"name": c.name, "who": everybody, "change": passkey}
		if c.name == "broken" {
			rule["who"] = object{"group": "CN=Gone,OU=Groups," + realmBase}
		}
		if c.reset != nil {
			rule["reset"] = c.reset
		}
		if c.hold != nil {
			rule["hold"] = c.hold
		}
		all = append(all, rule)
	}
	return all
}()

// drawHeld gives people proofs and takes them, and freezes some. The first one holds a
// passkey, replaced this minute, and no PIN.
func (a *app) drawHeld(t *testing.T, rnd *rand.Rand, name string, first bool) {
	t.Helper()
	ctx := t.Context()
	id, err := a.dir.Resolve(ctx, name)
	must(t, err)
	frozen, err := a.store.IsFrozen(ctx, id)
	must(t, err)
	if frozen {
		if rnd.IntN(2) == 0 {
			return
		}
		must(t, a.store.Unfreeze(ctx, id, func(*workflow.Freeze) (workflow.Change, error) { return workflow.Change{}, nil }))
	}
	if !first && rnd.IntN(3) > 0 {
		return // as it was, so that some were replaced long ago
	}
	held, err := a.passkeys.Held(ctx, id)
	must(t, err)
	for _, kind := range []enroll.ProofKind{enroll.ProofRecoveryCode, enroll.ProofTOTP, enroll.ProofPIN} {
		has, give := slices.Contains(held, kind), rnd.IntN(2) == 0
		switch {
		case first && kind == enroll.ProofPIN:
		case give:
			must(t, a.store.ReplaceFactors(ctx, id, kind, []enroll.Factor{{ID: drawID(rnd), Account: id, Kind: kind, Secret: []byte("secret"), Created: now()}}))
		case has:
			must(t, a.store.ReplaceFactors(ctx, id, kind, nil))
		}
	}
	passkeys, err := a.store.Credentials(ctx, id)
	must(t, err)
	if first || rnd.IntN(2) == 0 {
		made := now().Add(-time.Duration(rnd.IntN(60*24)) * time.Hour)
		must(t, a.store.AddCredential(ctx, enroll.Credential{ID: []byte(drawID(rnd)), Account: id, Name: "phone", Created: made}))
	} else {
		for _, p := range passkeys {
			must(t, a.store.RemoveCredential(ctx, id, p.ID, "", true, enroll.Withdrawal{}))
		}
	}
	if !first && rnd.IntN(6) == 0 {
		must(t, a.store.FreezeOwn(ctx, id, time.Time{}, func([]*workflow.Request) (workflow.Change, error) {
			return workflow.Change{Freeze: &workflow.Freeze{Account: id, By: id, At: now()}}, nil
		}))
	}
}

func drawID(rnd *rand.Rand) string { return fmt.Sprintf("%016x%016x", rnd.Uint64(), rnd.Uint64()) }

func explainBy(t *testing.T, r *realm, name string, kind workflow.Kind, from string, more ...string) (x explained) {
	t.Helper()
	args := []string{"config", "explain", "--config", r.config, "--person", name, "--kind", string(kind), "--json",
		"--at", now().UTC().Format(time.RFC3339), "--device", "new"}
	if from != "" {
		args = append(args, "--from", from)
	}
	var out, errs bytes.Buffer
	if status := run(context.Background(), append(args, more...), streams{&out, &errs}); status != 0 {
		t.Fatalf("%v: %d, %s", args, status, errs.String())
	}
	must(t, json.Unmarshal(out.Bytes(), &x))
	return x
}

// agreement counts what was compared.
type agreement struct {
	*app
	seen                 map[workflow.Seen]int
	codes                map[string]int
	opened, ways, duties int
	words                int // that were asked for
}

// compare holds an explanation to what the server offers to the person, to what it wants
// them to hold, to the request that it opens or refuses, and to whom it lets in without
// a passkey.
func (a *agreement) compare(t *testing.T, x explained, kind workflow.Kind, from string) {
	t.Helper()
	a.seen[x.Sees]++
	if x.Code != "" {
		a.codes[x.Code]++
	}
	id, err := ad.ParseGUID(x.GUID)
	must(t, err)
	who := workflow.Actor{Account: id, Session: "s", Address: from}
	account, err := a.engine.Account(t.Context(), who)
	must(t, err)
	held, err := a.passkeys.Held(t.Context(), id)
	must(t, err)
	slices.Sort(held)
	if x.Holds == nil || !slices.Equal(held, x.Holds) {
		t.Fatalf("they hold %v, explain: %+v", held, x)
	}
	a.compareOffer(t, x, kind, a.engine.Options(t.Context(), who, account))
	a.compareDuty(t, x, who, account)
	a.compareRequest(t, x, kind, who, account)
	a.compareWays(t, x, kind, from, account)
}

func (a *agreement) compareOffer(t *testing.T, x explained, kind workflow.Kind, options []workflow.Option) {
	t.Helper()
	offered := workflow.SeenNothing
	for _, o := range options {
		if o.Kind != kind {
			continue
		}
		switch {
		case o.Allowed:
			offered = workflow.SeenOffered
		case x.Sees == workflow.SeenMistaken && o.Code == string(workflow.ErrNotAllowed):
			offered = workflow.SeenMistaken
		default:
			offered = workflow.SeenRefused
		}
		if o.Code != x.Code || o.Allowed && o.Approval != (len(x.Terms.Approve) > 0) {
			t.Fatalf("the server offers %+v, explain says %+v", o, x)
		}
	}
	if offered != x.Sees {
		t.Fatalf("the server: %s, explain: %+v", offered, x)
	}
}

func (a *agreement) compareDuty(t *testing.T, x explained, who workflow.Actor, account ad.Account) {
	t.Helper()
	duty, err := a.engine.Duty(t.Context(), who, account)
	if err != nil { // a rule in error wants nothing
		duty = nil
	}
	if (duty == nil) != (x.Lacks == nil) {
		t.Fatalf("the server's duty: %+v, explain: %+v", duty, x)
	}
	if duty == nil {
		return
	}
	a.duties++
	if !slices.Equal(duty.Missing, x.Lacks.Proofs) || !duty.By.Equal(x.Lacks.By) || duty.Overdue != x.Lacks.Overdue {
		t.Fatalf("the server's duty: %+v, explain: %+v", duty, *x.Lacks)
	}
}

func (a *agreement) compareRequest(t *testing.T, x explained, kind workflow.Kind, who workflow.Actor, account ad.Account) {
	t.Helper()
	want := x.Code
	if x.Approvers != nil && *x.Approvers == 0 {
		want = string(workflow.ErrNoApprover)
		a.codes[want]++
	}
	if frozen, err := a.store.IsFrozen(t.Context(), account.GUID); err != nil || frozen && workflow.Protected(account) != nil {
		want = string(workflow.ErrFrozen) // of two reasons a request has the other
	}
	request, err := a.engine.Submit(t.Context(), who, kind, "")
	if err != nil || want != "" {
		var detailed *workflow.Detailed
		params := map[string]string(nil)
		if errors.As(err, &detailed) {
			params = detailed.Params
		}
		if err == nil || workflow.CodeOf(err) != want || !maps.Equal(params, x.Params) {
			t.Fatalf("the server: %v %v, explain: %+v", err, params, x)
		}
		return
	}
	a.opened++
	got, terms := request.Decision.Terms(), *x.Terms
	terms.Prove = x.SignedIn
	if len(terms.Approve) > 0 && x.Approvers == nil {
		t.Fatalf("nobody looked who approves: %+v", x)
	}
	if fmt.Sprint(*got) != fmt.Sprint(terms) || request.Decision.Policy != x.Policy {
		t.Fatalf("the server decided %+v, explain says %+v", got, x)
	}
}

// compareWays tries each way in that the first page offers for the kind.
func (a *agreement) compareWays(t *testing.T, x explained, kind workflow.Kind, from string, account ad.Account) {
	t.Helper()
	var in []string
	for _, way := range a.engine.Recoveries() {
		if !slices.Contains(way.Kinds, kind) {
			continue
		}
		err := a.engine.Suffices(t.Context(), account, kind, from, way.Prove)
		if slices.Contains(way.Prove, enroll.ProofVouching) {
			a.words++
			v := workflow.Vouch{
				Account: account.GUID, Kind: kind, Session: fmt.Sprintf("word %d", a.words), Number: "42",
				Until: now().Add(time.Minute), From: workflow.From{Address: from},
			}
			for n, one := range way.Prove {
				if one != enroll.ProofVouching {
					v.Proofs = append(v.Proofs, enroll.Proof{ID: fmt.Sprintf("word %d, %d", a.words, n), Kind: one, At: now(), Session: v.Session})
				}
			}
			if _, err = a.engine.Vouch(t.Context(), v); errors.Is(err, workflow.ErrTooMany) || errors.Is(err, workflow.ErrOpen) {
				t.Fatal(err)
			}
		}
		if err == nil {
			in = append(in, joinedKinds(way.Prove))
		}
	}
	a.ways += len(in)
	if !slices.Equal(in, x.WayIn) {
		t.Fatalf("the server lets in by %v, explain: %+v", in, x)
	}
}

func joinedKinds(set []enroll.ProofKind) string {
	words := make([]string, len(set))
	for i, one := range set {
		words[i] = string(one)
	}
	return strings.Join(words, " + ")
}
