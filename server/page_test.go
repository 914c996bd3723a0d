package server

import (
	"crypto/sha256"
	"encoding/base64"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/pwa"
)

func TestTheDocumentShowsWhatTheAppIsGoingToShow(t *testing.T) {
	const session, german = cookieName + "=x", languageCookie + "=de"
	st := newStage(t)
	for _, tc := range []struct {
		path, cookie, accept, site, want string
	}{
		{"/", "", "", "", "Locked out?"},
		{"/", "", "de", "", "Ausgesperrt?"},
		{"/", "", "de-AT,de;q=0.9,en;q=0.8", "none", "Ausgesperrt?"},
		{"/", "", "en-GB,en;q=0.9,de;q=0.8", "same-origin", "Locked out?"},
		{"/", "", "de;q=0.5, en", "", "Locked out?"},
		{"/", "", "fr, de;q=0.5", "", "Ausgesperrt?"},
		{"/", "", "fr", "", "Locked out?"},
		{"/", "", ";;q=x", "", "Locked out?"},
		{"/", "", "de" + strings.Repeat(",fr;q=0.1", 1700), "", "Ausgesperrt?"}, // read as far as is read
		{"/", "", strings.Repeat("fr;q=0.1,", 15) + "de", "", "Locked out?"},
		{"/", german, "en", "", "Ausgesperrt?"},
		{"/", languageCookie + "=en", "de", "", "Locked out?"},
		{"/", languageCookie + "=../x", "de", "", "Ausgesperrt?"},
		{"/", session, "", "", "account"},
		{"/", "", "", "cross-site", "account"}, // the cookie may have been held back
		{"/", "", "", "same-site", "account"},
		{"/account", "", "", "", "Locked out?"},
		{"/account", session, "", "", "account"},
		{"/request/r1", session, "", "", "request"},
		{"/request/r1", "", "", "", "next"},
		{"/review/r1", "", "", "", "next"},
		{"/help", "", "", "", "<title>Latchkey</title>"}, // this build has none of its own
	} {
		res := st.ask("GET", tc.path, "", "Cookie", tc.cookie, "Accept-Language", tc.accept, "Sec-Fetch-Site", tc.site)
		if body := bodyOf(t, res); res.StatusCode != http.StatusOK || !strings.HasSuffix(body, tc.want) {
			t.Errorf("%+v: %d %q", tc, res.StatusCode, body)
		}
	}
}

// The time that parsing takes grows with the header, which anybody may send.
func TestOnlyTheFirstLanguagesAreRead(t *testing.T) {
	in := "de-AT,de;q=0.9,en;q=0.8"
	exact := strings.Repeat("de,", maxLanguages/3) + "en"
	for header, want := range map[string]string{
		"": "", in: in, exact[:maxLanguages]: exact[:maxLanguages],
		exact[:maxLanguages] + "-GB":           exact[:maxLanguages-3],
		strings.Repeat("x", maxLanguages+1):    "",
		"," + strings.Repeat("x", 16<<10):      "",
		in + "," + strings.Repeat("x", 16<<10): in,
	} {
		if got := firstLanguages(header); got != want || len(got) > maxLanguages {
			t.Errorf("of %d bytes %q is read, want %q", len(header), got, want)
		}
	}
}

func TestADocumentThatIsKeptIsTakenForNoOther(t *testing.T) {
	st := newStage(t)
	tag := st.ask("GET", "/", "").Header.Get("ETag")
	if got := st.ask("GET", "/", "", "If-None-Match", tag).StatusCode; got != http.StatusNotModified {
		t.Errorf("the same: %d", got)
	}
	for _, other := range [][2]string{{"Cookie", cookieName + "=x"}, {"Accept-Language", "de"}, {"Accept-Encoding", "br"}, {"Sec-Fetch-Site", "cross-site"}} {
		if got := st.ask("GET", "/", "", "If-None-Match", tag, other[0], other[1]).StatusCode; got != http.StatusOK {
			t.Errorf("%v: %d", other, got)
		}
	}
}

func TestADocumentsPolicyNamesItsOwnStyleByHash(t *testing.T) {
	st := newStage(t)
	sum := sha256.Sum256([]byte("p{}"))
	want := "style-src 'self' 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "';"
	for _, encoding := range []string{"", "br"} {
		if got := st.ask("GET", "/", "", "Accept-Encoding", encoding).Header.Get(policyHeader); !strings.Contains(got, want) {
			t.Errorf("%q: %s", encoding, got)
		}
	}
	for at, want := range map[string]string{"/index.html": contentPolicy, "/sw.js": contentPolicy, "/assets/app-1a2b3c.js": dataPolicy, "/api/info": dataPolicy} {
		if got := st.ask("GET", at, "").Header.Get(policyHeader); got != want {
			t.Errorf("%s: %s", at, got)
		}
	}
}

// The build has every document, and nothing in them that the policy refuses.
func TestTheEmbeddedBuildHasADocumentForEveryRoute(t *testing.T) {
	build := pwa.Files()
	if _, err := fs.Stat(build, indexFile); err != nil && os.Getenv("CI") != "true" {
		t.Skip("the web app isn't built")
	}
	for _, r := range clientRoutes {
		for _, name := range []string{r.in, r.out} {
			for _, l := range appLanguages {
				b, err := fs.ReadFile(build, path.Join(pagesFolder, name+"."+l+".html"))
				if err != nil {
					t.Fatal(err)
				}
				page := string(b)
				if !strings.Contains(page, `<html lang="`+l+`">`) || !strings.Contains(page, `data-shell="`+name+`"`) || strings.Count(page, "'sha256-") != 0 {
					t.Errorf("%s.%s: %.300s", name, l, page)
				}
				if strings.Count(policyOf(b), "'sha256-") != 1 || strings.Contains(page, " style=") || strings.Count(page, "<script") != strings.Count(page, " src=") {
					t.Errorf("%s.%s has what the policy refuses", name, l)
				}
			}
		}
	}
}
