package config_test

import (
	"slices"
	"testing"
	"time"

	"github.com/latchkey/latchkey/config"
)

func TestChangedNamesTheKeysThatDiffer(t *testing.T) {
	before, after := config.Default(), config.Default()
	if got := config.Changed(before, after); len(got) != 0 {
		t.Errorf("two equal ones differ in %v", got)
	}
	after.Sessions.Idle = time.Hour
	after.Policies = []config.Policy{{Name: "a"}}
	after.Directory.Read.Bind = "svc"
	after.TLS.ACME = &config.ACME{}
	want := []string{"tls.acme", "directory.read.bind", "sessions.idle", "policies"}
	if got := config.Changed(before, after); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
