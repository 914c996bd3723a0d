package dbtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
)

func (s *suite) credential(id string, account ad.GUID) enroll.Credential {
	return enroll.Credential{
		ID: []byte(id), Account: account, Name: "Anna's \"phone\" \u2028", Created: s.now,
		Attested: enroll.Attested{Model: "30313233-3435-3637-3839-616263646566", Root: "00ff"},
		Record: webauthn.Credential{
			ID: []byte(id), PublicKey: []byte{1, 0, 255}, AttestationType: "none", AttestationFormat: "none",
			Transport: []protocol.AuthenticatorTransport{protocol.Internal, protocol.Hybrid},
			Flags:     webauthn.NewCredentialFlags(protocol.FlagUserPresent | protocol.FlagUserVerified | protocol.FlagBackupEligible),
			Authenticator: webauthn.Authenticator{
				AAGUID: []byte("0123456789abcdef"), SignCount: 7, Attachment: protocol.Platform,
			},
			Attestation: webauthn.CredentialAttestation{ClientDataJSON: []byte("{}"), Object: []byte{9}, PublicKeyAlgorithm: -7},
		},
	}
}

func (s *suite) session(id string, account ad.GUID, credential string) enroll.Session {
	return enroll.Session{
		ID: id, Account: account, Credential: []byte(credential), SignedIn: s.now, LastSeen: s.now, Expires: s.now.Add(time.Hour),
		Remember: true, Device: "Chrome on Android", Address: "2001:db8::7",
	}
}

func (s *suite) proof(id, session string) enroll.Proof {
	return enroll.Proof{
		ID: id, Kind: enroll.ProofPasskey, Account: guid(1), Session: session, Statement: []byte{}, At: s.now,
		Receipt: enroll.Receipt{CredentialID: []byte("c"), ClientDataJSON: []byte("{}"), AuthenticatorData: []byte{0}, Signature: []byte{1}, Nonce: []byte{2}},
	}
}

func (s *suite) passkey(id string) (enroll.Credential, error) {
	found, err := s.Signer(s.ctx, enroll.Ceremony{}, []byte(id), nil)
	return found.Credential, err
}

// kept is how a passkey comes back: what was attested is kept elsewhere.
func kept(c enroll.Credential) enroll.Credential {
	c.Record.Attestation = webauthn.CredentialAttestation{}
	return c
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	return fmt.Sprint(string(b), err)
}

func aHandleIsGivenOnce(s *suite) {
	given := make(chan string, 50)
	s.race(50, func(s *suite, i int) error {
		h, err := s.Handle(s.ctx, guid(1), fmt.Appendf(nil, "handle %d", i))
		given <- string(h)
		return err
	}, nil)
	first := <-given
	if !strings.HasPrefix(first, "handle ") {
		s.Errorf("given %q", first)
	}
	for range 49 {
		s.same(<-given, first)
	}
}

func aSignerIsRemembered(s *suite) {
	s.must(s.AddCredential(s.ctx, s.credential("one", guid(1))))
	for i := range 2 {
		_, err := s.Handle(s.ctx, guid(i+1), fmt.Appendf(nil, "handle %d", i+1))
		s.must(err)
	}
	spent := enroll.Ceremony{ID: "spent", Purpose: enroll.PurposeSignIn, Created: s.now, Expires: s.now.Add(time.Minute)}
	last := func(ceremony, handle string) (enroll.Signer, bool) {
		return s.LastSigner(enroll.Ceremony{ID: ceremony, Expires: spent.Expires}, []byte("one"), []byte(handle))
	}
	want := func(ceremony, handle string, known bool) {
		s.Helper()
		found, ok := last(ceremony, handle)
		s.same(ok, known)
		s.same(found.Owns, known)
		s.same(found.Spent, false)
	}
	read := func(handle string) {
		_, err := s.Signer(s.ctx, spent, []byte("one"), []byte(handle))
		s.must(err)
	}
	want("new", "handle 1", false)
	read("handle 2") // of somebody else
	want("new", "handle 2", false)
	read("")
	want("new", "", false)
	read("handle 1")
	want("new", "handle 1", true)
	want("new", "handle 2", false)
	want("new", "", false)
	read("handle 2")
	want("new", "handle 1", true)

	s.must(s.UpdateCredential(s.ctx, []byte("one"), func(c *enroll.Credential) ([]audit.Event, error) {
		c.Name, c.Record.Authenticator.SignCount = "Renamed", 8
		return nil, nil
	}))
	now, ok := last("new", "handle 1")
	s.same(ok, true)
	s.same(now.Name, "Renamed")
	s.same(now.Record.Authenticator.SignCount, 8)

	s.must(s.SpendCeremony(s.ctx, spent, nil))
	want("spent", "handle 1", false)
	want("new", "handle 1", true)
	s.must(s.RemoveCredential(s.ctx, guid(1), []byte("one"), "", true, s.withdrawal(1)))
	want("new", "handle 1", false)

	// Somebody else's by now: the handle is not taken over.
	s.must(s.AddCredential(s.ctx, s.credential("one", guid(2))))
	read("handle 1")
	want("new", "handle 1", false)
	read("handle 2")
	want("new", "handle 2", true)
}

// Each server remembers the passkeys that it saw last, and must not write over what
// another made of them.
func aPasskeyChangedElsewhereIsSeen(s *suite) {
	s.must(s.AddCredential(s.ctx, s.credential("one", guid(1))))
	there := s.other
	see := func(on Store) (seen enroll.Credential) {
		s.must(on.UpdateCredential(s.ctx, []byte("one"), func(c *enroll.Credential) ([]audit.Event, error) {
			seen = *c
			c.Record.Authenticator.SignCount++
			return nil, nil
		}))
		return seen
	}
	see(s.Store)
	s.same(see(there).Record.Authenticator.SignCount, 8)
	s.same(see(s.Store).Record.Authenticator.SignCount, 9)
	s.must(there.UpdateCredential(s.ctx, []byte("one"), func(c *enroll.Credential) ([]audit.Event, error) {
		c.Name = "Renamed"
		return nil, nil
	}))
	s.same(see(s.Store).Name, "Renamed")
	s.same(see(there).Record.Authenticator.SignCount, 11)

	// One that was registered anew, of which the rest is the same.
	was, err := s.passkey("one")
	s.must(err)
	s.must(there.RemoveCredential(s.ctx, guid(1), []byte("one"), "", true, s.withdrawal(1)))
	was.Attested = enroll.Attested{}
	s.must(there.AddCredential(s.ctx, was))
	s.same(see(s.Store).Attested.Model, "")

	// What a stale row would be refused for is no refusal of the row as it is.
	s.must(s.UpdateCredential(s.ctx, []byte("one"), func(c *enroll.Credential) ([]audit.Event, error) {
		if c.Record.Authenticator.SignCount != 13 {
			return nil, enroll.ErrCloned
		}
		return []audit.Event{s.event(audit.SignedIn, guid(1))}, nil
	}))
	s.same(s.events(guid(1)), 1)
	s.must(there.RemoveCredential(s.ctx, guid(1), []byte("one"), "", true, s.withdrawal(1)))
	s.want(s.UpdateCredential(s.ctx, []byte("one"), func(*enroll.Credential) ([]audit.Event, error) { return nil, nil }), enroll.ErrNoCredential)
}

func aSignerIsHeldToHandleAndCeremony(s *suite) {
	_, err := s.Signer(s.ctx, enroll.Ceremony{ID: "new"}, []byte("one"), []byte("handle 1"))
	s.want(err, enroll.ErrNoCredential)
	c := s.credential("one", guid(1))
	s.must(s.AddCredential(s.ctx, c))
	for i := range 2 {
		_, err := s.Handle(s.ctx, guid(i+1), fmt.Appendf(nil, "handle %d", i+1))
		s.must(err)
	}
	spent := enroll.Ceremony{ID: "spent", Purpose: enroll.PurposeSignIn, Created: s.now, Expires: s.now.Add(time.Minute)}
	s.must(s.SpendCeremony(s.ctx, spent, nil))
	saved := s.ceremony("saved")
	s.must(s.SaveCeremony(s.ctx, saved, 5))
	for _, x := range []struct {
		ceremony, handle string
		owns, spent      bool
	}{
		{"new", "handle 1", true, false},
		{"saved", "handle 1", true, false},
		{"spent", "handle 1", true, true},
		{"new", "handle 2", false, false},
		{"new", "handle 3", false, false},
		{"new", "", false, false},
		{"spent", "handle 2", false, true},
	} {
		found, err := s.Signer(s.ctx, enroll.Ceremony{ID: x.ceremony, Expires: spent.Expires}, []byte("one"), []byte(x.handle))
		s.must(err)
		s.same(found.Owns, x.owns)
		s.same(found.Spent, x.spent)
		s.same(asJSON(found.Credential), asJSON(kept(c)))
	}
}

func aPasskeyComesBackWhole(s *suite) {
	_, err := s.passkey("one")
	s.want(err, enroll.ErrNoCredential)
	want := s.credential("one", guid(1))
	s.must(s.AddCredential(s.ctx, want, s.event(audit.PasskeyRegistered, guid(1))))
	later := s.credential("two", guid(1))
	later.Created, later.LastUsed = s.now.Add(time.Second), s.now.Add(time.Minute)
	s.must(s.AddCredential(s.ctx, later))
	s.must(s.AddCredential(s.ctx, s.credential("three", guid(2))))
	got, err := s.passkey("one")
	s.must(err)
	s.same(asJSON(got), asJSON(kept(want)))
	s.same(got.Record.Flags.ProtocolValue(), want.Record.Flags.ProtocolValue())
	all, err := s.Credentials(s.ctx, guid(1))
	s.must(err)
	s.same(asJSON(all), asJSON([]enroll.Credential{kept(want), kept(later)}))
	s.same(s.events(guid(1)), 1)
	first, err := s.FirstPasskey(s.ctx, guid(1))
	s.must(err)
	s.same(first, want.Created)
	none, err := s.FirstPasskey(s.ctx, guid(9))
	s.must(err)
	s.same(none, time.Time{})
}

func aPasskeyIsRegisteredOnce(s *suite) {
	won := s.race(50, func(s *suite, i int) error {
		return s.AddCredential(s.ctx, s.credential("one", guid(i)), s.event(audit.PasskeyRegistered, guid(i)))
	}, enroll.ErrDuplicate)
	s.same(won, 1)
	s.same(s.verify().Head.Seq, 1)
}

func aPasskeyChangesThroughAClosure(s *suite) {
	s.must(s.AddCredential(s.ctx, s.credential("one", guid(1))))
	s.race(50, func(s *suite, _ int) error {
		return s.UpdateCredential(s.ctx, []byte("one"), func(c *enroll.Credential) ([]audit.Event, error) {
			c.Record.Authenticator.SignCount++
			c.Name, c.LastUsed, c.Account = "renamed", s.now, guid(9)
			c.Attested = enroll.Attested{}
			return []audit.Event{s.event(audit.PasskeyRenamed, guid(1))}, nil
		})
	}, nil)
	c, err := s.passkey("one")
	s.must(err)
	s.same([]any{c.Record.Authenticator.SignCount, c.Name, c.LastUsed, c.Account, c.Attested.Root}, []any{57, "renamed", s.now, guid(1), "00ff"})
	s.same(s.events(guid(1)), 50)

	no := errors.New("no")
	s.want(s.UpdateCredential(s.ctx, []byte("one"), func(c *enroll.Credential) ([]audit.Event, error) {
		c.Name = "changed"
		return []audit.Event{s.event(audit.PasskeyRenamed, guid(1))}, no
	}), no)
	c, err = s.passkey("one")
	s.must(err)
	s.same(c.Name, "renamed")
	s.same(s.events(guid(1)), 50)
	s.want(s.UpdateCredential(s.ctx, []byte("none"), nil), enroll.ErrNoCredential)
}

func theLastPasskeyGoesOnlyWhenMeant(s *suite) {
	s.must(s.AddCredential(s.ctx, s.credential("one", guid(1))))
	removed := s.event(audit.PasskeyRemoved, guid(1))
	s.want(s.RemoveCredential(s.ctx, guid(1), []byte("one"), "", false, s.withdrawal(1), removed), enroll.ErrLastPasskey)
	s.want(s.RemoveCredential(s.ctx, guid(2), []byte("one"), "", true, s.withdrawal(2), removed), enroll.ErrNoCredential)
	_, err := s.passkey("one")
	s.must(err)
	s.same(s.events(guid(1)), 0)
	s.must(s.RemoveCredential(s.ctx, guid(1), []byte("one"), "", true, s.withdrawal(1), removed))
	s.want(s.RemoveCredential(s.ctx, guid(1), []byte("one"), "", true, s.withdrawal(1), removed), enroll.ErrNoCredential)
	s.same(s.events(guid(1)), 1)
}

func oneOfTwoRemovesTheSecondLastPasskey(s *suite) {
	s.must(s.AddCredential(s.ctx, s.credential("0", guid(1))))
	s.must(s.AddCredential(s.ctx, s.credential("1", guid(1))))
	won := s.race(2, func(s *suite, i int) error {
		return s.RemoveCredential(s.ctx, guid(1), fmt.Append(nil, i), "", false, s.withdrawal(1))
	}, enroll.ErrLastPasskey)
	s.same(won, 1)
}

func aRemovedPasskeyEndsItsSessions(s *suite) {
	s.must(s.AddCredential(s.ctx, s.credential("one", guid(1))))
	for id, credential := range map[string]string{"kept": "one", "ended": "one", "other": "two"} {
		s.must(s.AddSession(s.ctx, s.session(id, guid(1), credential)))
	}
	s.must(s.RemoveCredential(s.ctx, guid(1), []byte("one"), "kept", true, s.withdrawal(1)))
	_, err := s.Session(s.ctx, "ended", s.now)
	s.want(err, enroll.ErrNoSession)
	for _, id := range []string{"kept", "other"} {
		_, err := s.Session(s.ctx, id, s.now)
		s.must(err)
	}
}

func anAssertionIsKeptWholeOrNotAtAll(s *suite) {
	s.must(s.AddCredential(s.ctx, s.credential("one", guid(1))))
	count := func(c *enroll.Credential) ([]audit.Event, error) {
		c.Record.Authenticator.SignCount++
		return []audit.Event{s.event(audit.SignedIn, guid(1))}, nil
	}
	session := s.session("s", guid(1), "one")
	s.want(s.Asserted(s.ctx, []byte("none"), count, s.proof("p", "s"), &session), enroll.ErrNoCredential)
	no := errors.New("no")
	s.want(s.Asserted(s.ctx, []byte("one"), func(*enroll.Credential) ([]audit.Event, error) { return nil, no }, s.proof("p", "s"), &session), no)
	_, err := s.Proof(s.ctx, "p")
	s.want(err, enroll.ErrNoProof)

	s.must(s.Asserted(s.ctx, []byte("one"), count, s.proof("p", "s"), &session))
	got, err := s.Session(s.ctx, "s", s.now)
	s.must(err)
	s.same(got, session)
	p, err := s.Proof(s.ctx, "p")
	s.must(err)
	s.same(p, s.proof("p", "s"))

	// The same proof again fails in the middle; nothing of it stays.
	again := s.session("again", guid(1), "one")
	if err := s.Asserted(s.ctx, []byte("one"), count, s.proof("p", "again"), &again); err == nil {
		s.Fatal("a proof was kept twice")
	}
	c, err := s.passkey("one")
	s.must(err)
	s.same(c.Record.Authenticator.SignCount, 8)
	s.same(s.events(guid(1)), 1)
	_, err = s.Session(s.ctx, "again", s.now)
	s.want(err, enroll.ErrNoSession)

	s.must(s.Asserted(s.ctx, []byte("one"), count, s.proof("bound", "s"), nil))
}

func oneOf200SignsInWithACeremony(s *suite) {
	s.must(s.AddCredential(s.ctx, s.credential("one", guid(1))))
	count := func(c *enroll.Credential) ([]audit.Event, error) {
		c.Record.Authenticator.SignCount++
		return []audit.Event{s.event(audit.SignedIn, guid(1))}, nil
	}
	c := enroll.Ceremony{ID: "spent", Purpose: enroll.PurposeSignIn, Created: s.now, Expires: s.now.Add(time.Minute)}
	won := s.race(200, func(s *suite, i int) error {
		id := fmt.Sprint("s", i)
		return s.SignedIn(s.ctx, c, []byte("one"), count, s.proof("p"+id, id), s.session(id, guid(1), "one"))
	}, enroll.ErrNoCeremony)
	s.same(won, 1)
	s.same(s.events(guid(1)), 1)
	all, err := s.Sessions(s.ctx, guid(1))
	s.must(err)
	s.same(len(all), 1)
	one, err := s.passkey("one")
	s.must(err)
	s.same(one.Record.Authenticator.SignCount, 8)

	// Who lost takes no ceremony, and a refusal takes one with its event.
	next := c
	next.ID = "next"
	s.want(s.SignedIn(s.ctx, next, []byte("none"), count, s.proof("p", "s"), s.session("s", guid(1), "one")), enroll.ErrNoCredential)
	s.must(s.SpendCeremony(s.ctx, next, nil, s.event(audit.SignInRefused, guid(1))))
	s.want(s.SpendCeremony(s.ctx, next, nil, s.event(audit.SignInRefused, guid(1))), enroll.ErrNoCeremony)
	s.want(s.SignedIn(s.ctx, next, []byte("one"), count, s.proof("p", "s"), s.session("s", guid(1), "one")), enroll.ErrNoCeremony)
	s.same(s.events(guid(1)), 2)
}
