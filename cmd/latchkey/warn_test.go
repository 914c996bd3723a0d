package main

import (
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
)

// A policy that only few can satisfy does not keep a server from starting, and is said
// when the server starts and when it reads its file again.
func TestAServerLogsWhatItsPoliciesAreWarnedOf(t *testing.T) {
	in := install(t)
	in.withGroup(t, "Helpdesk")
	in.prove(t, "unlock: {prove: [passkey]}", "enrol: {prove: [passkey]}")
	server := in.serve(t, "")
	in.prove(t, "enrol: {prove: [passkey]}", "reset: {prove: [totp]}")
	if out, err := process(t, "", "reload", "--config", in.config).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	must(t, server.Process.Signal(syscall.SIGTERM))
	must(t, server.Wait())
	said := server.Stderr.(*bytes.Buffer).String()
	for _, want := range []string{"enrol: only for somebody who has another passkey", "reset: only for somebody whose passkeys were all removed"} {
		if strings.Count(said, want) != 1 {
			t.Errorf("not said once: %q in %s", want, said)
		}
	}
}

// prove writes another act into the installation's file.
func (in installation) prove(t *testing.T, act, instead string) {
	t.Helper()
	text, err := os.ReadFile(in.config)
	must(t, err)
	if !bytes.Contains(text, []byte(act)) {
		t.Fatalf("%q is not in %s", act, text)
	}
	must(t, os.WriteFile(in.config, bytes.Replace(text, []byte(act), []byte(instead), 1), 0o600))
}
