package server

import (
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A path that passes means the same to whoever reads it: nothing to decode,
// nothing to clean.
func FuzzPlainPath(f *testing.F) {
	for _, s := range []string{"/", "/a/b", "//a", "/a/./b", "/a/../b", "/a;b", "/%2e/a", "/a?b=//c", "/a#b", `/a\b`, "/a//", "http://x/a", "/\x00", "/ä", "/a/."} {
		f.Add(s)
	}
	same := regexp.MustCompile(`^/(?:[A-Za-z0-9_~@-][A-Za-z0-9._~@-]*/?)*$`)
	f.Fuzz(func(t *testing.T, target string) {
		if path, _, _ := strings.Cut(target, "?"); plain(path) != same.MatchString(path) {
			t.Fatalf("%q: plain says %v", path, plain(path))
		}
		p, ok := plainPath(target)
		if !ok {
			return
		}
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Host != "" || u.Path != p || u.EscapedPath() != p {
			t.Fatalf("%q: %v, %q", target, err, p)
		}
		if clean := path.Clean(p); clean != p && clean+"/" != p {
			t.Fatalf("%q cleans to %q", p, clean)
		}
		if strings.ContainsAny(p, "%;\\ ") || strings.Contains(p, "//") {
			t.Fatalf("%q passes", p)
		}
	})
}

// What does not exist takes as long as what is somebody else's, or what can't be
// read at all. The bounds are wide, for machines are busy; a directory read or a
// signature check on one side only would be far outside.
func TestUnknownThingsTakeAsLong(t *testing.T) {
	h := newHouse(t)
	p, q := h.phone(), h.phone()
	p.enrol(h.invitation(h.company.person), h.company.who.Password)
	q.enrol(h.invitation(h.company.other), h.company.colleague.Password)
	r := p.approved("reset")
	stranger := h.phone()
	long := strings.Repeat("x", 43)
	for name, pair := range map[string][2]func() *http.Response{
		"requests": {
			func() *http.Response { return q.call("GET", "/api/requests/"+r.ID, nil) },
			func() *http.Response { return q.call("GET", "/api/requests/0192f0c0-0000-7000-8000-000000000000", nil) },
		},
		"invitations": {
			func() *http.Response {
				return stranger.call("POST", "/api/enrol/begin", fields{"token": long, "grant": long})
			},
			func() *http.Response {
				return stranger.call("POST", "/api/enrol/begin", fields{"token": "?", "grant": ""})
			},
		},
		"ceremonies": {
			func() *http.Response {
				return stranger.call("POST", "/api/sign-in/finish", fields{"token": long, "credential": fields{}, "remember": false})
			},
			func() *http.Response {
				return stranger.call("POST", "/api/sign-in/finish", fields{"token": "?", "credential": fields{"id": "AAAA"}, "remember": false})
			},
		},
	} {
		var took [2][]time.Duration
		for range 10 {
			for i, do := range pair {
				start := time.Now()
				do()
				took[i] = append(took[i], time.Since(start))
			}
		}
		a, b := median(took[0]), median(took[1])
		if slack := 5 * time.Millisecond; a > 3*b+slack || b > 3*a+slack {
			t.Errorf("%s: %v and %v", name, a, b)
		}
	}
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

func TestAFileThatIsHandedOutIsNoLineInTheLog(t *testing.T) {
	for _, c := range []struct {
		path   string
		logged bool
	}{{"/", false}, {"/healthz", false}, {"/nowhere", true}, {"/api/info", true}} {
		st := newStage(t)
		st.ask("GET", c.path, "")
		if line := st.logged.String(); strings.Contains(line, "msg=request") != c.logged {
			t.Errorf("%s: %q", c.path, line)
		}
	}
}
