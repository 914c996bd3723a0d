package server

import (
	"strings"
	"testing"
)

func TestDeviceWords(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36":                   "Chrome on Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1": "Safari on iPhone",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/156.0 Mobile/15E148 Safari/604.1":  "Chrome on iPhone",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0":           "Edge on Windows",
		"Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0":                                                                  "Firefox on Linux",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15":                   "Safari on Mac",
		"Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/29.0 Chrome/136.0 Mobile Safari/537.36":  "Samsung Internet on Android",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36":                          "Chrome on ChromeOS",
		"":                                 "Unknown browser",
		"<script>alert(1)</script>":        "Unknown browser",
		"curl/8.0 (Windows)":               "Browser on Windows",
		strings.Repeat("x", 600) + "Edg/1": "Unknown browser",
	} {
		if got := deviceWords(agent); got != want {
			t.Errorf("%.60q: %q, want %q", agent, got, want)
		}
	}
}

// Only words of the tables come out.
func FuzzDeviceWords(f *testing.F) {
	f.Add("Chrome/1 on Android")
	f.Add("\x00\xffEdg/\nWindows")
	var words []string
	for _, m := range append(append([]mark{}, browsers...), systems...) {
		words = append(words, m.word)
	}
	f.Fuzz(func(t *testing.T, agent string) {
		rest := deviceWords(agent)
		for _, w := range append([]string{"Unknown browser", "Browser on ", " on "}, words...) {
			rest = strings.ReplaceAll(rest, w, "")
		}
		if rest != "" {
			t.Fatalf("%q: %q is none of our words", agent, rest)
		}
	})
}
