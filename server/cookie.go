package server

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/secret"
)

// The session cookie. The prefix makes browsers insist on Secure, Path=/ and no
// Domain (RFC 6265bis 4.1.3.2), so that no neighbouring host can plant one; they
// accept it on http://localhost as well.
const cookieName = "__Host-latchkey"

// maxCookie bounds what is worth looking up: the secret is 51 characters at most.
const maxCookie = 128

// cookie returns the session's secret as the browser sent it, or the empty one.
func (c *call) cookie() secret.Text {
	v := string(c.http.Request.Header.Cookie(cookieName))
	if len(v) > maxCookie {
		return secret.Text{}
	}
	return secret.New(v)
}

// setCookie hands the session's secret to the browser. A person's own device
// keeps it; anywhere else it goes with the browser window.
func (c *call) setCookie(s enroll.Session, value secret.Text, now time.Time) {
	k := sessionCookie(value.Reveal())
	if s.Remember {
		k.MaxAge = max(1, int(s.Expires.Sub(now)/time.Second))
	}
	c.http.Response.Header.Add("Set-Cookie", k.String())
}

// The browser's own cookie: random, for as long as browsers keep one. It opens nothing,
// and says only that it is the browser of before.
const browserCookie = "__Host-latchkey-browser"

const browserKept = 400 * 24 * time.Hour

// browser is SHA-256 of the browser's own cookie, hex; "" where it has none.
func (c *call) browser() string {
	if c.seen != nil {
		return c.seen.browser
	}
	v := string(c.http.Request.Header.Cookie(browserCookie))
	if b, err := base64.RawURLEncoding.DecodeString(v); err != nil || len(b) != 32 {
		return ""
	}
	h := sha256.Sum256([]byte(v))
	return hex.EncodeToString(h[:])
}

// nameBrowser is a cookie for the browser of its own, the one that it has where it has
// one, and what browser will say of it. It is set once somebody signed in.
func (c *call) nameBrowser() (cookie, id string) {
	cookie = string(c.http.Request.Header.Cookie(browserCookie))
	if c.browser() == "" {
		b := make([]byte, 32)
		_, _ = rand.Read(b) // never fails
		cookie = base64.RawURLEncoding.EncodeToString(b)
	}
	h := sha256.Sum256([]byte(cookie))
	return cookie, hex.EncodeToString(h[:])
}

// keepBrowser lets the browser's cookie live on.
func (c *call) keepBrowser(cookie string) {
	k := sessionCookie(cookie)
	k.Name, k.MaxAge = browserCookie, int(browserKept/time.Second)
	c.http.Response.Header.Add("Set-Cookie", k.String())
}

// dropCookie takes the cookie back.
func (c *call) dropCookie() {
	k := sessionCookie("")
	k.MaxAge = -1
	c.http.Response.Header.Add("Set-Cookie", k.String())
}

// dropLanguage takes back the language that the app chose; the app sets it.
func (c *call) dropLanguage() {
	k := &http.Cookie{Name: languageCookie, Path: "/", MaxAge: -1, Secure: true, SameSite: http.SameSiteLaxMode}
	c.http.Response.Header.Add("Set-Cookie", k.String())
}

func sessionCookie(value string) *http.Cookie {
	return &http.Cookie{
		Name: cookieName, Value: value, Path: "/",
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}
