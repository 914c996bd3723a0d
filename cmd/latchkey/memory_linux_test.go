package main

import (
	"strings"
	"testing"
)

// Only what nobody has written to may be given back: it comes again from the file.
func TestOnlyUnwrittenPartsOfTheProgramAreGivenBack(t *testing.T) {
	const file = "/opt/latchkey/latchkey"
	const clean, relocated = "Rss: 64 kB\nAnonymous: 0 kB\nVmFlags: rd mr\n", "Rss: 64 kB\nAnonymous: 4 kB\nVmFlags: rd mr\n"
	for _, c := range []struct {
		name, smaps string
		want        int
	}{
		{"text", "00400000-010cd000 r-xp 00000000 fe:00 1573 " + file + "\n" + clean, 1},
		{"data that is only read", "010cd000-02135000 r--p 00ccd000 fe:00 1573 " + file + "\n" + clean, 1},
		{"relocated, then protected", "010cd000-02135000 r--p 00ccd000 fe:00 1573 " + file + "\n" + relocated, 0},
		{"written", "02135000-02231000 rw-p 01d35000 fe:00 1573 " + file + "\n" + clean, 0},
		{"shared", "02135000-02231000 r--s 01d35000 fe:00 1573 " + file + "\n" + clean, 0},
		{"a file that is gone", "00400000-010cd000 r-xp 00000000 fe:00 1573 " + file + " (deleted)\n" + clean, 0},
		{"another file", "00400000-010cd000 r--p 00000000 fe:00 1574 /var/lib/latchkey/latchkey.db\n" + clean, 0},
		{"no file", "c000000000-c000400000 r--p 00000000 00:00 0\n" + clean, 0},
		{"backwards", "010cd000-00400000 r-xp 00000000 fe:00 1573 " + file + "\n" + clean, 0},
		{"no addresses", "x-y r-xp 00000000 fe:00 1573 " + file + "\n" + clean, 0},
		{"nothing is said of its pages", "00400000-010cd000 r-xp 00000000 fe:00 1573 " + file + "\nRss: 64 kB\n", 0},
		{"that is said of the next", "00400000-010cd000 r-xp 00000000 fe:00 1573 " + file + "\nRss: 64 kB\n" +
			"02135000-02231000 rw-p 01d35000 fe:00 1573 " + file + "\n" + clean, 0},
		{"", "", 0},
	} {
		got := unwritten(strings.NewReader(c.smaps), file)
		if len(got) != c.want || c.want == 1 && (got[0].start == 0 || got[0].end <= got[0].start) {
			t.Errorf("%s: %x", c.name, got)
		}
	}
	releaseStart() // and the program goes on
}
