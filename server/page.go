package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/text/language"
)

// pageRoute is one of the web app's own routes and the documents that it opens
// with: of someone who has a session cookie, and of anybody else.
type pageRoute struct{ path, in, out string }

// The app finds its way from the address; the document only shows what it is
// going to show, before any script runs. No other path answers one. (A mistyped
// address is a 404; see lost.)
var clientRoutes = []pageRoute{
	{"/", "account", "start"}, {"/account", "account", "start"},
	{"/request/{id}", "request", "next"}, {"/review/{id}", "review", "next"},
	{"/help", "inside", "outside"}, {"/about", "inside", "outside"}, {"/enrol", "inside", "outside"}, {"/freeze", "inside", "outside"},
	{"/inbox", "inside", "next"}, {"/devices", "inside", "next"}, {"/password/{kind}", "inside", "next"}, {"/ask/{kind}", "inside", "next"},
	{"/passkeys", "inside", "next"}, {"/passkeys/add", "inside", "next"}, {"/passkeys/{id}", "inside", "next"},
	{"/proofs", "inside", "next"}, {"/recover", "inside", "outside"},
	{"/enrol/try", "inside", "next"}, {"/enrol/notify", "inside", "next"}, {"/enrol/ready", "inside", "next"},
	{"/activity", "inside", "next"}, {"/stored", "inside", "next"},
}

const (
	indexFile   = "index.html"
	pagesFolder = "pages/"

	// languageCookie is set by the app when a person chooses a language.
	languageCookie = "__Host-latchkey-lang"
)

// pageVary names all that chooses a document.
const pageVary = "Accept-Encoding, Accept-Language, Cookie, Sec-Fetch-Site"

// appLanguages are the app's; the first is for whoever reads neither.
var (
	appLanguages = []string{"en", "de"}
	languageOf   = language.NewMatcher([]language.Tag{language.English, language.German})
)

// pages are the documents by name and language, as a build made them.
func pages(files map[string]*file) map[string]*file {
	made := map[string]*file{}
	for name, f := range files {
		if strings.HasPrefix(name, pagesFolder) {
			made[strings.TrimSuffix(path.Base(name), ".html")] = f
		}
	}
	return made
}

// servePage answers a route of the app with the document that fits.
func (s *Server) servePage(r pageRoute, made map[string]*file) fiber.Handler {
	return func(c *fiber.Ctx) error {
		name := r.out
		if maySession(c) {
			name = r.in
		}
		f, ok := made[name+"."+pageLanguage(c)]
		if !ok {
			f = s.index
		}
		return f.serve(c)
	}
}

// maySession says whether the browser may have a session. It decides nothing but
// what is shown for a moment. On the way from another site the browser holds the
// cookie back, so that its absence says nothing there.
func maySession(c *fiber.Ctx) bool {
	if c.Request().Header.Cookie(cookieName) != nil {
		return true
	}
	from := c.Get("Sec-Fetch-Site")
	return from == "cross-site" || from == "same-site"
}

// pageLanguage is the chosen one, or else the one of the browser's that suits best.
func pageLanguage(c *fiber.Ctx) string {
	chosen := string(c.Request().Header.Cookie(languageCookie))
	for _, l := range appLanguages {
		if chosen == l {
			return l
		}
	}
	wanted, _, err := language.ParseAcceptLanguage(firstLanguages(c.Get("Accept-Language")))
	if err != nil {
		return appLanguages[0]
	}
	_, i, _ := languageOf.Match(wanted...)
	return appLanguages[i]
}

// maxLanguages bounds what is parsed of Accept-Language, in bytes: a browser's is
// shorter, and anybody may send one as long as all headers may be.
const maxLanguages = 128

// firstLanguages cuts the header at its last comma that is early enough.
func firstLanguages(header string) string {
	if len(header) <= maxLanguages {
		return header
	}
	return header[:max(strings.LastIndexByte(header[:maxLanguages], ','), 0)]
}

// policyOf is the policy of a document: contentPolicy, and its own styles by
// their hash (CSP3 6.7.3.3), so that it is painted without waiting for a file.
func policyOf(page []byte) string {
	styles := "style-src 'self'"
	allowed := styles
	for {
		_, rest, found := bytes.Cut(page, []byte("<style>"))
		style, after, ends := bytes.Cut(rest, []byte("</style>"))
		if !found || !ends {
			return strings.Replace(contentPolicy, styles, allowed, 1)
		}
		sum := sha256.Sum256(style)
		allowed += " 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		page = after
	}
}

// plainPage is the document of somebody without a cookie who asks in English,
// as a visitor does that no browser is.
func plainPage(build fs.FS) ([]byte, error) {
	b, err := fs.ReadFile(build, pagesFolder+"start.en.html")
	if errors.Is(err, fs.ErrNotExist) {
		return fs.ReadFile(build, indexFile)
	}
	return b, err
}

// lost says whether a 404 is for a person who mistyped an address: they get the
// app, which shows them the way, and not a document for programs.
func (s *Server) lost(c *call, p *Problem) bool {
	h := &c.http.Request.Header
	return p.Code == errNotFound.Error() && s.index != nil && string(h.Method()) == http.MethodGet &&
		!strings.HasPrefix(string(h.RequestURI()), "/api") && strings.Contains(string(h.Peek("Accept")), "text/html")
}
