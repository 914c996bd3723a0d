package config_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/enroll/enrolltest"
)

// rootsFile is a maker's root that ends in so long.
func rootsFile(t *testing.T, ends time.Duration) string {
	t.Helper()
	return file(t, enrolltest.NewMaker(t, time.Now().Add(ends)).PEM())
}

func file(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "security-keys.pem")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const modelText = "2fc0579f-8113-47ea-b116-bb5a8db9202a"

func TestWhatMakesHardwareKeysIsChecked(t *testing.T) {
	good := rootsFile(t, 365*24*time.Hour)
	root, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	with := func(described string) string {
		return strings.Replace(valid(t), "policies:", "proofs: {hardware_key: {"+described+"}}\npolicies:", 1)
	}
	for _, c := range []struct{ name, text, want string }{
		{"roots alone", with("roots_file: " + good), ""},
		{"and models", with("roots_file: " + good + ", models: [" + modelText + "]"), ""},
		{"two roots", with("roots_file: " + file(t, bytes.Repeat(root, 2))), ""},
		{"and computers", with("roots_file: " + good + ", tpm: true"), ""},
		{"computers without roots", with("tpm: true"), "proofs.hardware_key: needs roots_file"},
		{"no roots", with("models: [" + modelText + "]"), "proofs.hardware_key: needs roots_file"},
		{"a file that is not there", with("roots_file: /nowhere/x.pem"), "proofs.hardware_key.roots_file: open roots"},
		{"an empty file", with("roots_file: " + file(t, nil)), "holds no certificate"},
		{"a file of something else", with("roots_file: " + file(t, []byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"))), "only certificates belong there"},
		{"a certificate that is none", with("roots_file: " + file(t, append(bytes.Clone(root), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"...))), "certificate 2"},
		{"no model at all", with("roots_file: " + good + ", models: []"), "proofs.hardware_key.models: is empty"},
		{"a model that is none", with("roots_file: " + good + ", models: [YubiKey]"), `proofs.hardware_key.models[0]: "YubiKey" is no AAGUID`},
		{"the model of no authenticator", with("roots_file: " + good + ", models: [00000000-0000-0000-0000-000000000000]"), "is no AAGUID"},
		{"a policy without a description", strings.Replace(valid(t), "[passkey]", "[hardware-key]", 1), "nobody can give hardware-key: proofs.hardware_key names"},
		{"a policy with one", strings.Replace(with("roots_file: "+good), "[passkey]", "[hardware-key, hardware-key + totp]", 1), ""},
		{"one thing twice", strings.Replace(with("roots_file: "+good), "prove: [passkey]", "prove: [hardware-key + passkey]", 1), "names one thing twice"},
		{"which independent does not mend", strings.Replace(with("roots_file: "+good), "prove: [passkey]", "prove: [passkey + hardware-key], independent: false", 1), "names one thing twice"},
	} {
		_, err := config.Parse("c.yaml", []byte(c.text))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	c, err := config.Parse("c.yaml", []byte(with("roots_file: "+good)))
	if err != nil {
		t.Fatal(err)
	}
	if keys, err := c.Proofs.HardwareKey.Keys(); err != nil || keys == nil {
		t.Errorf("keys %v, %v", keys, err)
	}
	if w := c.Warnings(); len(w) != 1 || !strings.Contains(w[0], "proofs.hardware_key has no effect") {
		t.Errorf("warnings %q", w)
	}
	if keys, err := (*config.HardwareKey)(nil).Keys(); err != nil || keys != nil {
		t.Errorf("without a description: %v, %v", keys, err)
	}
}

func TestDoctorSaysWhenARootEnds(t *testing.T) {
	for ends, want := range map[time.Duration]doctor.Severity{
		-time.Hour: doctor.Warning, 29 * 24 * time.Hour: doctor.Warning, 31 * 24 * time.Hour: doctor.OK,
	} {
		i := installed(t)
		i.replace(t, first, first+"\nproofs: {hardware_key: {roots_file: "+rootsFile(t, ends)+"}}")
		if r := i.examine(); r.Worst() != want || (want == doctor.Warning) != (len(r.Of(config.FoundRootEnds)) == 1) {
			t.Errorf("a root that ends in %v: %+v", ends, r.Findings())
		}
	}
	i := installed(t)
	i.replace(t, first, first+"\nproofs: {hardware_key: {roots_file: "+file(t, nil)+"}}")
	if r := i.examine(); len(r.Of(config.FoundRoots)) != 1 || r.Worst() != doctor.Failure {
		t.Errorf("an empty file: %+v", r.Findings())
	}
}

func FuzzRoots(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Add(enrolltest.NewMaker(f, time.Now().Add(time.Hour)).PEM())
	f.Fuzz(func(t *testing.T, text []byte) {
		roots, err := config.ParseRoots("x", text)
		if (err == nil) != (len(roots) > 0) {
			t.Errorf("%d roots, %v", len(roots), err)
		}
	})
}
