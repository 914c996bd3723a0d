// Package phone is a person's browser for tests that need hundreds of them: the
// calls that the web app makes, over real HTTP, with a virtual authenticator. The
// journeys in real browsers stand beside it.
package phone

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/descope/virtualwebauthn"
)

// cookieName is the session cookie's. A Go cookie jar drops Secure cookies of
// http://localhost, which browsers keep, so the phone keeps it itself.
const cookieName = "__Host-latchkey"

// Phone is one browser with one passkey. It is not safe for concurrent use.
type Phone struct {
	// SignsFor is the origin that stands in what the authenticator signs; "" is
	// the phone's own. Unverified makes it skip the user verification.
	SignsFor   string
	Unverified bool

	origin string
	host   string
	client *http.Client
	cookie string
	auth   virtualwebauthn.Authenticator
	cred   virtualwebauthn.Credential
}

// New makes a phone for the server at origin, "http://localhost:8080".
func New(origin string) (*Phone, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return nil, fmt.Errorf("read origin: %w", err)
	}
	cred, err := wholeCredential()
	if err != nil {
		return nil, err
	}
	return &Phone{
		origin: origin, host: u.Hostname(), client: &http.Client{Timeout: 60 * time.Second},
		auth: virtualwebauthn.NewAuthenticator(), cred: cred,
	}, nil
}

// Through sends what the phone says through another transport, such as one that
// trusts a test's authority.
func (p *Phone) Through(t http.RoundTripper) *Phone {
	p.client.Transport = t
	return p
}

// wholeCredential draws until both coordinates fill their 32 bytes, for the
// virtual authenticator leaves leading zeros out.
func wholeCredential() (virtualwebauthn.Credential, error) {
	for {
		c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
		key, err := x509.ParsePKCS8PrivateKey(c.Key.Data)
		if err != nil {
			return c, fmt.Errorf("read passkey: %w", err)
		}
		b, err := key.(*ecdsa.PrivateKey).PublicKey.Bytes()
		if err == nil && b[1] != 0 && b[33] != 0 {
			return c, nil
		}
	}
}

// Problem is an answer with a status of 400 or more.
type Problem struct {
	Status     int
	Code       string
	Title      string
	Detail     string
	Params     map[string]string
	RetryAfter int // seconds
}

// Error says status and code.
func (p *Problem) Error() string { return fmt.Sprintf("%d %s", p.Status, p.Code) }

// Fields are a JSON object.
type Fields = map[string]any

// Cookie is the session's secret.
func (p *Phone) Cookie() string { return p.cookie }

// CredentialID names the passkey in paths and bodies.
func (p *Phone) CredentialID() string { return base64.RawURLEncoding.EncodeToString(p.cred.ID) }

// Call sends what the page would send and decodes the answer into out. The error
// is a *Problem, or the connection's.
func (p *Phone) Call(ctx context.Context, method, path string, body, out any) error {
	var r io.Reader
	if method != http.MethodGet {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.origin+path, r)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", p.origin)
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	req.Header.Set("User-Agent", "Mozilla/5.0 (Linux; Android 16) Chrome/156.0 Mobile Safari/537.36")
	if p.cookie != "" {
		req.AddCookie(&http.Cookie{Name: cookieName, Value: p.cookie})
	}
	res, err := p.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return p.take(res, out)
}

func (p *Phone) take(res *http.Response, out any) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	if res.StatusCode >= 400 {
		problem := &Problem{Status: res.StatusCode}
		_ = json.Unmarshal(text, problem)
		return problem
	}
	for _, c := range res.Cookies() {
		if c.Name == cookieName {
			p.cookie = c.Value
		}
	}
	if out == nil || len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, out)
}

type ceremony struct {
	Token     string          `json:"token"`
	PublicKey json.RawMessage `json:"publicKey"`
}

func (c ceremony) options() string { return `{"publicKey":` + string(c.PublicKey) + `}` }

func (p *Phone) rp() virtualwebauthn.RelyingParty {
	origin := p.SignsFor
	if origin == "" {
		origin = p.origin
	}
	return virtualwebauthn.RelyingParty{ID: p.host, Name: p.host, Origin: origin}
}

// authenticator is the phone's, as it behaves now.
func (p *Phone) authenticator() virtualwebauthn.Authenticator {
	a := p.auth
	a.Options.UserNotVerified = p.Unverified
	return a
}

// Token is the secret of an enrolment link.
func Token(link string) string {
	_, token, _ := strings.Cut(link, "#")
	return token
}

// Enrol follows an enrolment link with the current password.
func (p *Phone) Enrol(ctx context.Context, link, password string) error {
	grant, err := p.ProvePassword(ctx, link, password)
	if err != nil {
		return err
	}
	return p.Register(ctx, link, grant, "Phone")
}

// ProvePassword proves the current password and returns the grant.
func (p *Phone) ProvePassword(ctx context.Context, link, password string) (string, error) {
	var grant struct {
		Grant string `json:"grant"`
	}
	body := Fields{"token": Token(link), "password": password}
	if err := p.Call(ctx, "POST", "/api/enrol/password", body, &grant); err != nil {
		return "", fmt.Errorf("prove password: %w", err)
	}
	return grant.Grant, nil
}

// Register makes the passkey that an enrolment link allows.
func (p *Phone) Register(ctx context.Context, link, grant, name string) error {
	body, err := p.Create(ctx, "/api/enrol/begin", Fields{"token": Token(link), "grant": grant}, Fields{"name": name, "remember": true})
	if err != nil {
		return err
	}
	return p.Call(ctx, "POST", "/api/enrol/finish", body, nil)
}

// Create begins a registration and returns the body that finishes it.
func (p *Phone) Create(ctx context.Context, begin string, with, extra Fields) (Fields, error) {
	var c ceremony
	if err := p.Call(ctx, "POST", begin, with, &c); err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	o, err := virtualwebauthn.ParseAttestationOptions(c.options())
	if err != nil {
		return nil, fmt.Errorf("read options: %w", err)
	}
	p.auth.Options.UserHandle = []byte(o.UserID)
	made := json.RawMessage(virtualwebauthn.CreateAttestationResponse(p.rp(), p.authenticator(), p.cred, *o))
	return joined(Fields{"token": c.Token, "credential": made}, extra), nil
}

func joined(body, extra Fields) Fields {
	maps.Copy(body, extra)
	return body
}

// Assert runs one authentication ceremony between two routes.
func (p *Phone) Assert(ctx context.Context, begin, finish string, extra Fields, out any) error {
	body, err := p.Sign(ctx, begin, extra)
	if err != nil {
		return err
	}
	return p.Call(ctx, "POST", finish, body, out)
}

// Sign begins a ceremony and returns the body that finishes it.
func (p *Phone) Sign(ctx context.Context, begin string, extra Fields) (Fields, error) {
	return p.SignWith(ctx, begin, Fields{}, extra)
}

// SignWith is Sign for a ceremony whose begin takes a body.
func (p *Phone) SignWith(ctx context.Context, begin string, with, extra Fields) (Fields, error) {
	var c ceremony
	if err := p.Call(ctx, "POST", begin, with, &c); err != nil {
		return nil, err
	}
	o, err := virtualwebauthn.ParseAssertionOptions(c.options())
	if err != nil {
		return nil, fmt.Errorf("read options: %w", err)
	}
	signed := json.RawMessage(virtualwebauthn.CreateAssertionResponse(p.rp(), p.authenticator(), p.cred, *o))
	return joined(Fields{"token": c.Token, "credential": signed}, extra), nil
}

// SignIn signs in with the passkey.
func (p *Phone) SignIn(ctx context.Context) error {
	return p.Assert(ctx, "/api/sign-in/begin", "/api/sign-in/finish", Fields{"remember": true}, nil)
}

// StepUp proves the person for an act on passkeys, "add-passkey" or
// "remove-passkey" with the passkey's id, and returns the proof's id.
func (p *Phone) StepUp(ctx context.Context, purpose, passkey string) (string, error) {
	with := Fields{"purpose": purpose}
	if passkey != "" {
		with["passkey"] = passkey
	}
	body, err := p.SignWith(ctx, "/api/step-up/begin", with, nil)
	if err != nil {
		return "", err
	}
	var made struct {
		Proof string `json:"proof"`
	}
	err = p.Call(ctx, "POST", "/api/step-up/finish", body, &made)
	return made.Proof, err
}

// Request is what a page sees of a request.
type Request struct {
	ID        string   `json:"id"`
	Kind      string   `json:"kind"`
	State     string   `json:"state"`
	Needs     []string `json:"needs"`
	Code      string   `json:"code"`
	TriesLeft int      `json:"triesLeft"`
	Unseen    bool     `json:"unseen"`
	Version   int64    `json:"version"`

	// Reviewed is the requester's half of a review; nil where there is none.
	Reviewed *struct {
		Number       string `json:"number"`
		WrongNumbers int    `json:"wrongNumbers"`
		Reminded     string `json:"reminded"`
		CanRemind    string `json:"canRemind"`
		Decided      *struct {
			Verdict string `json:"verdict"`
			Chip    string `json:"chip"`
			Reason  string `json:"reason"`
		} `json:"decided"`
	} `json:"review"`
}

// Submit asks for kind.
func (p *Phone) Submit(ctx context.Context, kind string) (r Request, err error) {
	return r, p.Call(ctx, "POST", "/api/requests", Fields{"kind": kind}, &r)
}

// Prove touches the passkey for a request.
func (p *Phone) Prove(ctx context.Context, id string) (r Request, err error) {
	path := "/api/requests/" + id + "/proof/"
	return r, p.Assert(ctx, path+"begin", path+"finish", nil, &r)
}

// Executed is the answer to Execute.
type Executed struct {
	Request   Request `json:"request"`
	Generated string  `json:"generated"`
}

// Execute sends the last step.
func (p *Phone) Execute(ctx context.Context, id string, body Fields) (e Executed, err error) {
	return e, p.Call(ctx, "POST", "/api/requests/"+id+"/execute", body, &e)
}

// Read reads a request.
func (p *Phone) Read(ctx context.Context, id string) (r Request, err error) {
	return r, p.Call(ctx, "GET", "/api/requests/"+id, nil, &r)
}

// Clone is the same browser, with the same cookie, in another tab.
func (p *Phone) Clone() *Phone {
	c := *p
	return &c
}
