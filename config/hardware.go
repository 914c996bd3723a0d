package config

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/enroll"
)

// HardwareKey says which security keys, and whether computers, are hardware keys.
type HardwareKey struct {
	RootsFile string   `yaml:"roots_file"`
	Models    []string `yaml:"models"`
	TPM       bool     `yaml:"tpm"`
}

// maxRoots is far more than all makers' roots take.
const maxRoots = 4 << 20

// Roots reads the certificates of roots_file. One that can't be read is an error: it
// would be missing without anybody knowing.
func (h HardwareKey) Roots() ([]*x509.Certificate, error) {
	f, err := os.Open(h.RootsFile)
	if err != nil {
		return nil, fmt.Errorf("open roots: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxRoots+1))
	if err != nil {
		return nil, fmt.Errorf("read roots: %w", err)
	}
	if len(text) > maxRoots {
		return nil, fmt.Errorf("%s: longer than %d MiB", h.RootsFile, maxRoots>>20)
	}
	return parseRoots(h.RootsFile, text)
}

func parseRoots(name string, text []byte) (roots []*x509.Certificate, err error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%s: holds a %q, and only certificates belong there", name, block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: certificate %d: %w", name, len(roots)+1, err)
		}
		roots = append(roots, c)
	}
	if len(roots) == 0 {
		return nil, fmt.Errorf("%s: holds no certificate (PEM)", name)
	}
	return roots, nil
}

// Keys are what a server checks passkeys by; nil where none are described.
func (h *HardwareKey) Keys() (*enroll.HardwareKeys, error) {
	if h == nil {
		return nil, nil
	}
	roots, err := h.Roots()
	if err != nil {
		return nil, fmt.Errorf("proofs.hardware_key.roots_file: %w", err)
	}
	keys, err := enroll.NewHardwareKeys(roots, h.Models, h.TPM)
	if err != nil {
		return nil, fmt.Errorf("proofs.hardware_key: %w", err)
	}
	return keys, nil
}

func checkHardware(f *finder, h HardwareKey) {
	const key = "proofs.hardware_key"
	if h.RootsFile == "" {
		f.add(key, "needs roots_file: the makers' attestation roots, in PEM; without them anything could call itself a security key")
	} else if _, err := h.Roots(); err != nil {
		f.add(key+".roots_file", "%v", err)
	}
	if h.Models != nil && len(h.Models) == 0 {
		f.add(key+".models", "is empty: name AAGUIDs, or remove it where all that the roots attest are good")
	}
	for i, model := range h.Models {
		if id, err := uuid.Parse(model); err != nil || len(model) != 36 || id == uuid.Nil {
			f.add(fmt.Sprintf("%s.models[%d]", key, i), "%q is no AAGUID, such as 2fc0579f-8113-47ea-b116-bb5a8db9202a", model)
		}
	}
}

// checkHardwareTwice: a hardware key is a passkey, so the two are one thing.
func checkHardwareTwice(f *finder, key string, alternative []enroll.ProofKind) bool {
	if !slices.Contains(alternative, enroll.ProofHardwareKey) || !slices.Contains(alternative, enroll.ProofPasskey) {
		return false
	}
	f.add(key, "names one thing twice: a hardware-key is a passkey as well; write hardware-key alone")
	return true
}

// What Doctor finds about the roots of security keys.
var (
	FoundRoots    = doctor.Kind{ID: "config.security-key-roots", Severity: doctor.Failure, Why: "The server does not start, and takes no changed configuration, without the makers' roots: nothing could tell a security key from any other passkey."}
	FoundRootEnds = doctor.Kind{ID: "config.security-key-root-ends", Severity: doctor.Warning, Why: "After that day new security keys of this maker are taken for ordinary passkeys, and people who need one can't enrol. Those that are registered go on."}
)

// rootEnds is when the doctor begins to speak of a root's end.
const rootEnds = 30 * 24 * time.Hour

func (c Config) doctorRoots(r *doctor.Report, now time.Time) {
	h := c.Proofs.HardwareKey
	if h == nil {
		return
	}
	roots, err := h.Roots()
	if h.RootsFile == "" {
		err = errors.New("no file is named")
	}
	if err != nil {
		r.Found(FoundRoots, "proofs.hardware_key.roots_file", err.Error()+".",
			line("proofs: {hardware_key: {roots_file: /etc/latchkey/security-keys.pem}}"))
		return
	}
	good := true
	for _, root := range roots {
		if root.NotAfter.Sub(now) < rootEnds {
			good = false
			r.Found(FoundRootEnds, h.RootsFile, fmt.Sprintf("The root %q ends on %s.", root.Subject.String(), root.NotAfter.UTC().Format(time.DateOnly)),
				doctor.Line{Tool: doctor.Shell, Text: "openssl crl2pkcs7 -nocrl -certfile " + h.RootsFile + " | openssl pkcs7 -print_certs -text -noout"},
				doctor.Line{Tool: doctor.Shell, Text: "cat THE-MAKERS-NEXT-ROOT.pem >> " + h.RootsFile + " && latchkey reload --config FILE"})
		}
	}
	if good {
		r.Good("config.security-key-roots", h.RootsFile, fmt.Sprintf("It holds %d roots, and none ends soon.", len(roots)))
	}
}
