package enroll

import "testing"

func TestWhatIsOnlyShownHoldsNoControlCharacters(t *testing.T) {
	for text, want := range map[string]string{
		"Firefox on Linux":     "Firefox on Linux",
		"  Firefox ":           "Firefox",
		"a\x00b\tc\x1fd":       "abcd",
		"a\x7fb":               "ab",
		"\x00\x01":             "",
		"a\u202eb":             "ab",
		"Müllers Telefon":      "Müllers Telefon",
		"a\xffb":               "ab",
		"0123456789abcdefghij": "0123456789abcdef",
		"0123456789abcde~":     "0123456789abcde~",
		"äöü0123456789abcdefg": "äöü0123456789abc",
	} {
		if got := tidy(text, 16); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
