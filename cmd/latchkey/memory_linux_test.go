package main

import "testing"

// Only what nobody can have written to may be given back: it comes again from the file.
func TestOnlyReadOnlyPartsOfTheProgramAreGivenBack(t *testing.T) {
	const file = "/opt/latchkey/latchkey"
	for _, c := range []struct {
		line string
		is   bool
	}{
		{"00400000-010cd000 r-xp 00000000 fe:00 1573 /opt/latchkey/latchkey", true},
		{"010cd000-02135000 r--p 00ccd000 fe:00 1573 /opt/latchkey/latchkey", true},
		{"02135000-02231000 rw-p 01d35000 fe:00 1573 /opt/latchkey/latchkey", false},
		{"02135000-02231000 r--s 01d35000 fe:00 1573 /opt/latchkey/latchkey", false},
		{"00400000-010cd000 r-xp 00000000 fe:00 1573 /opt/latchkey/latchkey (deleted)", false},
		{"00400000-010cd000 r--p 00000000 fe:00 1574 /var/lib/latchkey/latchkey.db", false},
		{"c000000000-c000400000 r--p 00000000 00:00 0", false},
		{"010cd000-00400000 r-xp 00000000 fe:00 1573 /opt/latchkey/latchkey", false},
		{"x-y r-xp 00000000 fe:00 1573 /opt/latchkey/latchkey", false},
		{"", false},
	} {
		start, end, is := readOnlyPart(c.line, file)
		if is != c.is || is && (start == 0 || end <= start) {
			t.Errorf("%q: %x-%x %v", c.line, start, end, is)
		}
	}
	releaseStart() // and the program goes on
}
