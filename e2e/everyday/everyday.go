// Package everyday knows `./task check`, the check of every day, from `./task test`,
// which leaves nothing out.
package everyday

import (
	"os"
	"testing"
)

// Quick says that this is `./task check`: counts are small, and what Left names waits.
func Quick() bool { return os.Getenv("LATCHKEY_QUICK") == "1" }

// Left leaves a test to `./task test`, where this is `./task check`; what it says
// names what does go on testing the same here.
func Left(t testing.TB, instead string) {
	t.Helper()
	if Quick() {
		t.Skip("LATCHKEY_QUICK=1 leaves this to ./task test; " + instead)
	}
}
