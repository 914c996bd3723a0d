package password

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/trustelem/zxcvbn/frequency"
)

// The words are those of zxcvbn v1.0.1, none lost or changed on the way into
// the packed file.
func TestTheListsOfKnownWordsAreWhole(t *testing.T) {
	const original = "ef46951515b47929db6e160582fcd9aae9c83399da19766dd0c4bcac53b1c8b0"
	counts := map[string]int{
		"passwords": 30000, "english_wikipedia": 30000, "us_tv_and_film": 19160,
		"surnames": 10000, "female_names": 3712, "male_names": 983,
	}
	lists := frequency.FrequencyLists()
	if len(lists) != len(counts) {
		t.Errorf("%d lists", len(lists))
	}
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		if len(lists[name]) != counts[name] {
			t.Errorf("%s: %d words, want %d", name, len(lists[name]), counts[name])
		}
		sum.Write([]byte(name + " " + strings.Join(lists[name], " ") + "\n"))
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != original {
		t.Errorf("the words' SHA-256 is %s", got)
	}
}
