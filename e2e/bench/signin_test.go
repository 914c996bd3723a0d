package bench

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/e2e/world"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/server"
)

const (
	rpID   = "reset.example.test"
	origin = "https://" + rpID
)

// everybodyIsThere is a directory that costs nothing.
type everybodyIsThere struct{}

func (everybodyIsThere) Account(_ context.Context, id ad.GUID) (ad.Account, error) {
	return ad.Account{GUID: id, SAMAccountName: "x", UserPrincipalName: "x@corp.example.test"}, nil
}

func (everybodyIsThere) CheckPassword(context.Context, ad.GUID, secret.Text) error { return nil }

type holder struct {
	auth virtualwebauthn.Authenticator
	cred virtualwebauthn.Credential
}

var relyingParty = virtualwebauthn.RelyingParty{ID: rpID, Name: "Bench", Origin: origin}

// party is the relying party on a SQLite file that syncs each commit, with people
// who hold a passkey.
func party(t *testing.T, people int) (*enroll.Service, []holder) {
	t.Helper()
	ctx := t.Context()
	store, err := db.Open(ctx, db.Config{Path: filepath.Join(t.TempDir(), "latchkey.db"), Box: dbtest.Box()})
	world.Must(t, err)
	t.Cleanup(func() { world.Must(t, store.Close()) })
	s, err := enroll.New(enroll.Config{
		RPID: rpID, Origins: []string{origin}, Store: store, Directory: everybodyIsThere{}, Sealer: dbtest.Box(),
		Frozen: store.IsFrozen,
	})
	world.Must(t, err)
	var all []holder
	for i := range people {
		h := holder{auth: virtualwebauthn.NewAuthenticator(), cred: wholeCredential()}
		link, _, err := s.Invite(ctx, ad.GUID{1, byte(i), byte(i >> 8)}, audit.ActorOperator, false, 0)
		world.Must(t, err)
		token, options, err := s.BeginEnrol(ctx, link, secret.Text{})
		world.Must(t, err)
		text, err := json.Marshal(options)
		world.Must(t, err)
		o, err := virtualwebauthn.ParseAttestationOptions(string(text))
		world.Must(t, err)
		h.auth.Options.UserHandle = []byte(o.UserID)
		made := virtualwebauthn.CreateAttestationResponse(relyingParty, h.auth, h.cred, *o)
		_, _, err = s.FinishEnrol(ctx, token, "Phone", []byte(made), enroll.Client{Device: "Phone", Address: "192.0.2.7"})
		world.Must(t, err)
		all = append(all, h)
	}
	return s, all
}

// wholeCredential draws until both coordinates fill their 32 bytes, for the
// virtual authenticator leaves leading zeros out.
func wholeCredential() virtualwebauthn.Credential {
	for {
		c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
		key, err := x509.ParsePKCS8PrivateKey(c.Key.Data)
		if err != nil {
			panic(err)
		}
		b, err := key.(*ecdsa.PrivateKey).PublicKey.Bytes()
		if err == nil && b[1] != 0 && b[33] != 0 {
			return c
		}
	}
}

type begun struct {
	token  secret.Text
	signed []byte
}

func begin(t *testing.T, s *enroll.Service, people []holder, n int) (all []begun) {
	t.Helper()
	for i := range n {
		h := people[i%len(people)]
		token, options, err := s.BeginSignIn(t.Context())
		world.Must(t, err)
		text, err := json.Marshal(options)
		world.Must(t, err)
		o, err := virtualwebauthn.ParseAssertionOptions(string(text))
		world.Must(t, err)
		all = append(all, begun{token, []byte(virtualwebauthn.CreateAssertionResponse(relyingParty, h.auth, h.cred, *o))})
	}
	return all
}

// finish lets so many callers finish what was begun.
func finish(t *testing.T, s *enroll.Service, all []begun, callers int) {
	t.Helper()
	var next atomic.Int64
	var group sync.WaitGroup
	failed := make(chan error, callers)
	from := enroll.Client{Device: "Chrome on Android", Address: "192.0.2.7", Remember: true}
	for range callers {
		group.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(all) {
					return
				}
				if _, _, err := s.FinishSignIn(context.Background(), all[i].token, all[i].signed, from); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(failed)
	for err := range failed {
		t.Fatal(err)
	}
}

// TestSignInFinishBesideECDSA compares by processor time: a finish with the
// ceremony taken, the passkey written back, proof, session and event committed and
// synced, and one P-256 verification.
func TestSignInFinishBesideECDSA(t *testing.T) {
	server.CollectLess() // as the process does that serves
	s, people := party(t, Count(64, 4))
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	world.Must(t, err)
	sum := sha256.Sum256([]byte("signed"))
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	world.Must(t, err)
	n, callers := Count(4000, 20), 64
	finish(t, s, begin(t, s, people, n), callers) // statements prepared, pages in memory
	begunBefore := begin(t, s, people, 5*n)
	profile := profiled(t, func() { finish(t, s, begunBefore, callers) })
	c := Alternate(Rounds(), func() float64 {
		all := begin(t, s, people, n)
		return CPURate(n, func() { finish(t, s, all, callers) })
	}, func() float64 {
		// On all cores at once, as finishes run: two that are busy may be slower than one.
		return CPURate(n, func() {
			var group sync.WaitGroup
			for caller := range callers {
				group.Go(func() {
					for i := caller; i < n; i += callers {
						if !ecdsa.VerifyASN1(&key.PublicKey, sum[:], signature) {
							t.Error("does not verify")
						}
					}
				})
			}
			group.Wait()
		})
	})
	c.AtLeast("sign-in finish, without the directory read", "per second of processor time", 0.35, profile).Add(t)
}

// profiled says what the time of do goes to.
func profiled(t *testing.T, do func()) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "cpu.pprof")
	if File() != "" {
		file = strings.TrimSuffix(File(), filepath.Ext(File())) + "-sign-in.pprof"
	}
	f, err := os.Create(file)
	world.Must(t, err)
	world.Must(t, pprof.StartCPUProfile(f))
	do()
	pprof.StopCPUProfile()
	world.Must(t, f.Close())
	top, err := exec.Command("go", "tool", "pprof", "-top", "-cum", "-nodecount=2000", "-nodefraction=0", file).Output()
	if err != nil {
		t.Fatalf("pprof: %v", err)
	}
	if flat, err := exec.Command("go", "tool", "pprof", "-top", "-nodecount=20", file).Output(); err == nil {
		t.Logf("where it goes, flat:\n%s", flat)
	}
	return "of a finish: " + shares(string(top))
}

// parts of a finish, by the function that stands over each.
var parts = []struct{ name, function string }{
	{"whole", "enroll.(*Service).FinishSignIn"},
	{"ECDSA", "crypto/ecdsa.VerifyASN1"},
	{"parsing the assertion", "enroll.parseAssertion"},
	{"checking it, ECDSA included", "webauthn.(*WebAuthn).ValidatePasskeyLogin"},
	{"reading", "db.(*Store).Signer"},
	{"writer", "db.(*Store).runBatch"},
	{"sealing events", "audit.(*Sealer).Seal"},
	{"committing", "db.(*tx).commit"},
	{"garbage collection", "runtime.gcBgMarkWorker"},
}

func shares(top string) string {
	var out []string
	for _, p := range parts {
		for line := range strings.Lines(top) {
			f := strings.Fields(line)
			if len(f) >= 6 && strings.HasSuffix(f[5], p.function) {
				out = append(out, p.name+" "+f[4])
				break
			}
		}
	}
	return strings.Join(slices.Compact(out), ", ")
}
