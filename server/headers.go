package server

import (
	"net/http"
	"strings"

	"github.com/valyala/fasthttp"
)

// contentPolicy lets a page and its worker load their own files and talk to their own
// server, and nothing else; a document adds the hash of its own style (see policyOf). The one
// Trusted Types policy is for the service worker's URL.
var contentPolicy = strings.Join([]string{
	"default-src 'none'",
	"script-src 'self'",
	"style-src 'self'",
	"img-src 'self' data:",
	"font-src 'self'",
	"connect-src 'self'",
	"manifest-src 'self'",
	"worker-src 'self'",
	"frame-ancestors 'none'",
	"base-uri 'none'",
	"form-action 'none'",
	"require-trusted-types-for 'script'",
	"trusted-types app-sw",
}, "; ")

// dataPolicy is for what is no document and no worker: nobody loads anything by it.
const dataPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

const policyHeader = "Content-Security-Policy"

// permissions: passkeys and the clipboard for ourselves, the rest for nobody.
const permissions = "publickey-credentials-get=(self), publickey-credentials-create=(self), clipboard-write=(self), " +
	"camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=(), clipboard-read=()"

// secureHeaders are on every answer, errors included.
var secureHeaders = [][2]string{
	{policyHeader, dataPolicy},
	{"Permissions-Policy", permissions},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"},
}

// hardening is secureHeaders as they are written, for every answer needs them.
var hardening = func() (all [][2][]byte) {
	for _, kv := range secureHeaders {
		all = append(all, [2][]byte{[]byte(http.CanonicalHeaderKey(kv[0])), []byte(kv[1])})
	}
	return all
}()

// transport is for two years, for this host only: what other names of the domain
// do is not ours to decide.
const transport = "max-age=63072000"

// harden sets the headers. Nothing is kept by a cache unless a file says so.
func (s *Server) harden(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	for _, kv := range hardening {
		h.SetCanonical(kv[0], kv[1])
	}
	if s.origin.https {
		h.Set("Strict-Transport-Security", transport)
	}
	h.Set("Cache-Control", "no-store")
}
