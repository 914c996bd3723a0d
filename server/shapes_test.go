package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rsc.io/qr"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// shapes are our types by the names of pwa/src/api-types.ts.
var shapes = map[string]reflect.Type{
	"Info": reflect.TypeFor[Info](), "Support": reflect.TypeFor[Support](), "Problem": reflect.TypeFor[Problem](),
	"Ceremony": reflect.TypeFor[Ceremony](), "SignInFinish": bodyType[signInFinish](), "SignOut": bodyType[signOut](),
	"Me": reflect.TypeFor[Me](), "Account": reflect.TypeFor[Account](), "Option": reflect.TypeFor[Option](),
	"Submit": bodyType[submit](), "Request": reflect.TypeFor[Request](), "RequestWay": reflect.TypeFor[RequestWay](), "ProofFinish": bodyType[finishByID](),
	"PasswordRules": reflect.TypeFor[PasswordRules](), "PasswordCheck": reflect.TypeFor[PasswordCheck](), "Finding": reflect.TypeFor[Finding](),
	"Executed": reflect.TypeFor[Executed](), "EnrolOpen": reflect.TypeFor[EnrolOpen](), "EnrolFinish": bodyType[finishEnrol](),
	"Passkey": reflect.TypeFor[Passkey](), "Invite": reflect.TypeFor[Invite](), "Stored": reflect.TypeFor[Stored](), "Activity": reflect.TypeFor[Activity](),
	"Reviewing": reflect.TypeFor[Reviewing](), "Decided": reflect.TypeFor[Decided](), "AskedList": reflect.TypeFor[AskedList](), "Asked": reflect.TypeFor[Asked](),
	"Inbox": reflect.TypeFor[Inbox](), "Review": reflect.TypeFor[Review](), "ApproveBegin": reflect.TypeFor[ApproveBegin](), "Denial": reflect.TypeFor[Denial](),
	"Devices": reflect.TypeFor[DeviceList](), "Device": reflect.TypeFor[Device](), "SubscribeDevice": reflect.TypeFor[SubscribeDevice](),
	"Proofs": reflect.TypeFor[Proofs](), "TotpBegin": reflect.TypeFor[TOTPBegun](),
	"Said": reflect.TypeFor[Words](), "Held": reflect.TypeFor[ProofHeld](), "SentProof": reflect.TypeFor[AddressHeld](),
	"Answer": reflect.TypeFor[givenAnswer](), "AddressBegin": reflect.TypeFor[AddressBegun](), "Given": reflect.TypeFor[recoveryAnswer](),
	"Ask": reflect.TypeFor[ProofsAsked](), "RecoverBegun": reflect.TypeFor[RecoveryBegun](),
	"ThawList": reflect.TypeFor[ThawList](), "Thaw": reflect.TypeFor[Thaw](),
	"Waiting": reflect.TypeFor[Waiting](), "Waited": reflect.TypeFor[Waited](),
	"RecoverBegin": bodyType[beginRecovery](), "RecoverFinish": bodyType[finishRecovery](), "ReplaceFinish": bodyType[finishReplacement](),
	"OwnFreeze": reflect.TypeFor[OwnFreeze](), "FreezeByNotice": bodyType[freezeByNotice](),
	"Duty": reflect.TypeFor[Duty](), "LiveRequest": reflect.TypeFor[LiveRequest](),
}

func bodyType[T any]() reflect.Type {
	f, _ := reflect.TypeFor[T]().FieldByName("Body")
	return f.Type
}

func TestTheShapesAreThoseThatThePageKnows(t *testing.T) {
	source, err := os.ReadFile("../pwa/src/api-types.ts")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`).ReplaceAllString(string(source), "")
	nested := regexp.MustCompile(`\{[^{}]*\}`)
	seen := 0
	for _, m := range regexp.MustCompile(`(?s)export interface (\w+) \{(.*?)\n?\}(?:\n|$)`).FindAllStringSubmatch(text, -1) {
		shape, ok := shapes[m[1]]
		if !ok {
			t.Errorf("%s has no shape here", m[1])
			continue
		}
		seen++
		var want []string
		for _, f := range regexp.MustCompile(`(\w+)\??:`).FindAllStringSubmatch(nested.ReplaceAllString(m[2], ""), -1) {
			want = append(want, f[1])
		}
		var got []string
		for i := range shape.NumField() {
			name, _, _ := strings.Cut(shape.Field(i).Tag.Get("json"), ",")
			got = append(got, name)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: here %v, there %v", m[1], got, want)
		}
	}
	if seen != len(shapes) {
		t.Errorf("%d of %d shapes compared", seen, len(shapes))
	}
}

func TestListsAreNeverNull(t *testing.T) {
	st := newStage(t)
	for _, path := range []string{"/api/me", "/api/requests", "/api/passkeys", "/api/activity", "/api/stored", "/api/password-rules", "/api/requests/r1", "/api/inbox", "/api/reviews/r1", "/api/requests/r1/asked", "/api/devices"} {
		body := bodyOf(t, st.in("GET", path, ""))
		if strings.Contains(strings.NewReplacer(`"relocked":null`, "", `"review":null`, "", `"mine":null`, "", `"decided":null`, "", `"duty":null`, "").Replace(body), "null") {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func TestTheOpenAPIDocumentDescribesEveryTypedRoute(t *testing.T) {
	st := newStage(t)
	res := st.ask("GET", "/api/openapi.json", "")
	text := bodyOf(t, res)
	var doc struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			Responses map[string]any `json:"responses"`
			Security  []any          `json:"security"`
		} `json:"paths"`
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil || res.StatusCode != http.StatusOK {
		t.Fatal(res.StatusCode, err)
	}
	if doc.OpenAPI != "3.1.0" || strings.Contains(text, "$schema") || strings.Contains(text, "ErrorModel") || strings.Contains(text, "ErrorDetail") {
		t.Errorf("%s, %.300s", doc.OpenAPI, text)
	}
	if doc.Paths["/api/requests"]["post"].Responses["201"] == nil {
		t.Error("asking for something answers 201, and the document does not say so")
	}
	for _, r := range st.routes {
		if !strings.HasPrefix(r.path, "/api/") || r.path == "/api/openapi.json" {
			continue
		}
		op, ok := doc.Paths[r.path][strings.ToLower(r.method)]
		if !ok || op.Responses["default"] == nil || (len(op.Security) > 0) != (r.guard == session || r.guard == unattended) {
			t.Errorf("%s %s: %+v", r.method, r.path, op)
		}
	}
}

func TestAccountStatesComeInTheirOrder(t *testing.T) {
	now := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	ok := ad.Account{LogonAllowed: true}
	for want, change := range map[string]func(*ad.Account){
		"ok":                           func(*ad.Account) {},
		"disabled locked":              func(a *ad.Account) { a.Locked, a.Disabled = true, true },
		"account-expired":              func(a *ad.Account) { a.AccountExpires = now },
		"locked must-change protected": func(a *ad.Account) { a.Locked, a.MustChange, a.Protected = true, true, ad.ProtectedAdmin },
		"outside-hours smartcard":      func(a *ad.Account) { a.LogonAllowed, a.SmartcardRequired = false, true },
		"password-expires-soon":        func(a *ad.Account) { a.PasswordExpires = now.Add(13 * 24 * time.Hour) },
		"password-expired":             func(a *ad.Account) { a.PasswordExpired, a.PasswordExpires = true, now.Add(-time.Hour) },
	} {
		a := ok
		change(&a)
		if got := strings.Join(accountStates(a, now), " "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func nobodyKnows([]enroll.ProofKind) []enroll.ProofKind { return nil }

// A draft tells each way that is left, the preferred one first and once more as what it
// needs; what its owner has at hand is asked only where more than a passkey would do.
func TestADraftTellsEachWayThatIsLeft(t *testing.T) {
	st := newStage(t)
	asked := 0
	encode := st.encodeRequest(alice, func([]enroll.ProofKind) []enroll.ProofKind {
		asked++
		return []enroll.ProofKind{enroll.ProofPasskey, enroll.ProofMailCode}
	})
	draft := workflow.Request{State: workflow.Draft, Decision: workflow.Decision{Prove: [][]enroll.ProofKind{
		{enroll.ProofPasskey, enroll.ProofPIN}, {enroll.ProofPasskey, enroll.ProofMailCode},
	}}}
	got := encode(draft)
	if fmt.Sprint(got.Ways) != "[{[passkey mail-code] []} {[passkey pin] [pin]}]" || fmt.Sprint(got.Needs) != "[passkey mail-code]" || asked != 1 {
		t.Errorf("ways %v, needs %v, asked %d times", got.Ways, got.Needs, asked)
	}
	draft.State = workflow.Approved
	if got := encode(draft); got.Ways == nil || len(got.Ways)+len(got.Needs) != 0 || asked != 1 {
		t.Errorf("approved: ways %v, needs %v, asked %d times", got.Ways, got.Needs, asked)
	}
	draft.State, draft.Decision.Prove = workflow.Draft, [][]enroll.ProofKind{{enroll.ProofPasskey}}
	if got := encode(draft); fmt.Sprint(got.Ways) != "[{[passkey] []}]" || asked != 1 {
		t.Errorf("a passkey alone: ways %v, asked %d times", got.Ways, asked)
	}
	if got := st.encodeRequest(alice, nobodyKnows)(workflow.Request{State: workflow.Draft, Decision: workflow.Decision{Prove: [][]enroll.ProofKind{
		{enroll.ProofPIN}, {enroll.ProofTOTP},
	}}}); fmt.Sprint(got.Ways) != "[{[pin] []} {[totp] []}]" {
		t.Errorf("where nobody knows: %v", got.Ways)
	}
}

// What the first page says is the same for everybody, and each way has its kinds.
func TestTheFirstPageSaysWhereEachWayInLeads(t *testing.T) {
	st := newStage(t)
	info := bodyOf(t, st.ask("GET", "/api/info", ""))
	for _, part := range []string{`"recovery":[["recovery-code"],["vouching"]]`, `"recoveryKinds":[["unlock","reset"],["unlock"]]`} {
		if !strings.Contains(info, part) {
			t.Errorf("%s lacks %s", info, part)
		}
	}
	if in := bodyOf(t, st.in("GET", "/api/info", "")); in != info {
		t.Errorf("signed in: %s, else: %s", in, info)
	}
}

func TestARequestTellsWhatItsOwnerNeeds(t *testing.T) {
	st := newStage(t)
	at := time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	draft := st.encodeRequest(alice, nobodyKnows)(workflow.Request{State: workflow.Draft, Decision: workflow.Decision{Prove: [][]enroll.ProofKind{{enroll.ProofPasskey}}}})
	if !slices.Equal(draft.Needs, []string{"passkey"}) {
		t.Errorf("needs %v", draft.Needs)
	}
	done := st.encodeRequest(alice, nobodyKnows)(workflow.Request{
		Kind: workflow.KindOneTime, State: workflow.Done, Tries: 9, Result: &workflow.Result{At: at, Controller: "dc1", Unlocked: true},
		Relocked: &workflow.Relock{At: at, BadPasswords: 3, Cause: workflow.CauseDevice},
	})
	if !done.Unseen || !done.Unlocked || done.TriesLeft != 0 || done.Params["controller"] != "dc1" || done.Relocked.Cause != "device" || len(done.Needs) != 0 {
		t.Errorf("%+v", done)
	}
	denied := st.encodeRequest(alice, nobodyKnows)(workflow.Request{State: workflow.Denied, Decision: workflow.Decision{Findings: []workflow.Finding{{Code: "not-matched"}, {Code: "kind-not-allowed"}}}})
	if denied.Code != "kind-not-allowed" {
		t.Errorf("%+v", denied)
	}
}

// The path paints exactly the dark modules, with four light ones around.
func TestTheQRPathPaintsTheCode(t *testing.T) {
	text := "https://unlock.example.test/enrol#" + strings.Repeat("A", 43)
	path, size, err := qrPath(text)
	if err != nil {
		t.Fatal(err)
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	if size != code.Size+8 {
		t.Fatalf("size %d of %d", size, code.Size)
	}
	dark := map[[2]int]bool{}
	for _, part := range strings.SplitAfter(strings.TrimSuffix(path, "z"), "z") {
		var x, y, run, back int
		if _, err := fmt.Sscanf(part, "M%d %dh%dv1h-%d", &x, &y, &run, &back); err != nil || run != back {
			t.Fatalf("%q: %v", part, err)
		}
		for i := range run {
			dark[[2]int{x + i - 4, y - 4}] = true
		}
	}
	for y := -4; y < size-4; y++ {
		for x := -4; x < size-4; x++ {
			inside := x >= 0 && y >= 0 && x < code.Size && y < code.Size
			if dark[[2]int{x, y}] != (inside && code.Black(x, y)) {
				t.Fatalf("module %d,%d", x, y)
			}
		}
	}
}
