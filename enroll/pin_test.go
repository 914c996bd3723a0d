package enroll_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/enroll"
)

func TestPlainPatternsAreNoPINAndWhatLooksAlikeIsOne(t *testing.T) {
	for rule, tc := range map[string]struct{ refused, taken string }{
		"a part again and again":           {"111111 121212 123123 739739 1231231 12341234 47294729 7392739273", "739738 7392717 73927392917"},
		"alike from both ends":             {"739937 123321 12344321 5840485 73922937", "739931 5840482 73922931"},
		"each beside its like":             {"222333 112233 117733 11224488 111222333 7773399 777733", "117739 911773 1177393 71177339"},
		"a row in any steps":               {"123456 654321 890123 210987 246802 024680 864208 369258 9630741 135791357", "123546 246803 369259 9630742"},
		"a row but the first or the last":  {"123450 412345 543218 100000 000001 135790 913579 864207 1234560 23456782", "123490 915793"},
		"two rows, one behind the other":   {"147258 258369 147852 159357 753951 456123 987789 246135 111987 222777 890765 765109 12345678 13572468 02464321", "147259 148259 357158 13572469"},
		"three rows, one behind the other": {"147258369 123789456 159357258", "147258368 147268369"},
		"rows dealt out in turn":           {"142536 102030 121314 192837 102938 224466 516273 15263748 147258369", "142537 172030 15263749"},
		"by heart":                         {"314159 271828 142857 246810", "314158 271829"},
		"no pattern":                       {"", "739201 582094 408317 90417352 6183502947"},
	} {
		for _, pin := range strings.Fields(tc.refused) {
			wantErr(t, rule+" "+pin, enroll.JudgePIN(pin, 6), enroll.ErrPINTrivial)
		}
		for _, pin := range strings.Fields(tc.taken) {
			wantErr(t, rule+" not quite "+pin, enroll.JudgePIN(pin, 6), nil)
		}
	}
}

// What stood in the list before a pattern found it.
func TestNoPINIsTakenThatWasRefusedBefore(t *testing.T) {
	for _, pin := range strings.Fields(`
		789456 789123 123789 456123 123654 321654 654987 987321 987456 456852 654123 789654 456987 321987 123987
		159753 159357 357159 357951 753951 951753 951357 753159 159263 147258 258147 258369 369258 147369 369147 147852 741852 852741
		852456 258456 258852 741963 963741 963852 852963 963258 147896 147963 789632 123698
		123321 456654 456789 654456 223344 334455 445566 556677 667788 778899 998877 665544 443322 332211
		123450 123455 123454 123457 123888 124578 134679 135790 135791 235689 246810 024680 142536 100000 000001 100001 199999 192837
		314159 271828 131452 201314 666888 888666`) {
		wantErr(t, pin, enroll.JudgePIN(pin, 6), enroll.ErrPINTrivial)
	}
	for _, pin := range strings.Fields(enroll.CommonPINs) {
		if enroll.IsPattern(pin) {
			t.Errorf("%s is in the list and a pattern", pin)
		}
	}
}

// Whoever has to make one up still finds nearly all free: of a million, and of ten.
func TestPatternsLeaveNearlyEveryPIN(t *testing.T) {
	for digits, most := range map[int]float64{6: 0.01, 7: 0.002} {
		all, dates, refused := 1, 0, 0
		for range digits {
			all *= 10
		}
		// Of seven digits, which are no date, a part tells as much.
		step := map[int]int{6: 1, 7: 13}[digits]
		for n := 0; n < all; n += step {
			pin := fmt.Sprintf("%0*d", digits, n)
			switch {
			case enroll.IsDate(pin):
				dates++
			case enroll.JudgePIN(pin, 6) != nil:
				refused++
			}
		}
		share := float64(refused) / float64(all/step-dates)
		t.Logf("%d digits: %d are dates; of the rest %.2f %% are refused", digits, dates, 100*share)
		if share > most {
			t.Errorf("%.2f %% of %d digits are refused", 100*share, digits)
		}
	}
}
