package server

import (
	"net/http"
	"net/url"

	"github.com/valyala/fasthttp"
)

// ownPage lets only our own page, or no page at all, use the API. Browsers say
// where a request comes from in Sec-Fetch-Site and Origin; programs that send
// neither carry nobody's cookie. The session cookie is SameSite=Strict besides,
// and bodies are JSON, which no form can send.
func (s *Server) ownPage(ctx *fasthttp.RequestCtx) error {
	site, ok := single(ctx, "Sec-Fetch-Site")
	if !ok {
		return errCrossSite
	}
	from, ok := single(ctx, "Origin")
	if !ok || (from != "" && from != s.origin.text) {
		return errCrossSite
	}
	method := string(ctx.Method())
	switch site {
	case "", "same-origin":
	case "none": // typed into the address bar
		if method != http.MethodGet && method != http.MethodHead {
			return errCrossSite
		}
	default:
		return errCrossSite
	}
	h := http.Header{}
	h.Set("Sec-Fetch-Site", site)
	h.Set("Origin", from)
	if err := s.crossSite.Check(&http.Request{Method: method, Host: s.origin.host, URL: &url.URL{Path: "/"}, Header: h}); err != nil {
		return errCrossSite
	}
	return nil
}

// single returns a header that may stand once at most.
func single(ctx *fasthttp.RequestCtx, name string) (string, bool) {
	all := ctx.Request.Header.PeekAll(name)
	switch len(all) {
	case 0:
		return "", true
	case 1:
		return string(all[0]), true
	}
	return "", false
}
