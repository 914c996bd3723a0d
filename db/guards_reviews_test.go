package db

import (
	"path/filepath"
	"testing"
)

// Who froze an account is part of the freeze: one whose author can't be read is no
// freeze by nobody.
func TestAFreezeWhoseAuthorCantBeReadIsAnError(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "latchkey.db"))
	prepare(t, s)
	if f, err := s.Frozen(t.Context(), cleo); err != nil || f == nil {
		t.Fatalf("%+v, %v before", f, err)
	}
	if err := s.write(t.Context(), func(t *tx) error { _, err := t.exec(`UPDATE freezes SET by_guid = 'x'`); return err }); err != nil {
		t.Fatal(err)
	}
	if f, err := s.Frozen(t.Context(), cleo); err == nil {
		t.Errorf("%+v", f)
	}
}
