// Package conformance is one suite of Active Directory behaviour that every
// controller of the tests must show: a real Samba domain controller and the
// in-memory ad/minidc alike. It speaks LDAP and compares what a client can
// rely on: result codes, the hexadecimal code in front of a diagnostic, and
// the meaning of attributes. Prose is never compared.
//
//	go test ./ad/conformance -run Samba     the real controller (root, see e2e/samba)
//	go test ./ad/conformance -run Minidc    the in-memory one
//
// The administrator makes the people, groups and policies of each case through
// LDAP, so that both engines are seeded alike; cases share one controller and
// never one another's people. The domain's policy is set for the run and put
// back after it. Where an engine can't agree, Differences says so by name.
package conformance

import (
	"crypto/tls"
	"slices"
	"testing"
)

// Target is a controller and what the suite needs of it.
type Target struct {
	// Engine is the name that Differences uses: "samba" or "minidc".
	Engine string

	LDAPSURL string      // ldaps://host
	LDAPURL  string      // ldap://host, for StartTLS and for plain binds that must fail
	TLS      *tls.Config // verifies the controller

	BaseDN, Domain, NetBIOS      string // DC=…, DNS name, short name
	AdminBind, AdminPassword     string // a domain administrator
	ServiceBind, ServicePassword string // holds Reset-Password, lockoutTime, pwdLastSet of users below StaffOU; reads policies

	StaffOU  string // DN; the suite adds below it
	OthersOU string // DN; likewise, nothing is delegated

	// Backdate sets pwdLastSet (a FILETIME) past the rules, which LDAP can't.
	Backdate func(dn string, pwdLastSet int64) error
	// Restart stops the controller and starts it again on the same data.
	Restart func() error
}

// Case is one rule of the suite. Its name is unique and says the rule.
type Case struct {
	Name string
	Run  func(*C)
}

// Difference names a case on which an engine is known not to agree, and why.
type Difference struct {
	Case, Engine, Reason string
}

// Differences are all of them: at most ten, and none on the path of what a
// person can do (read the state, unlock, reset, change, one-time password).
var Differences = []Difference{
	{"a refused bind takes the connection's identity away", "samba",
		"Samba keeps the identity of the bind before; RFC 4513 (4) and Windows make the connection anonymous"},
}

// Cases returns the whole suite in the order in which it runs.
func Cases() []Case {
	return slices.Concat(bindCases, stateCases, lockoutCases, lockCountCases, resetCases, complexityCases, malformedCases,
		changeCases, historyCases, psoCases, computedCases, rightsCases, filterCases, identityCases, membershipCases, peopleCases, protectCases,
		nameCases, objectCases, sessionCases)
}

// Run holds the target to every case, but for its differences, which it names.
func Run(t *testing.T, target Target) {
	s := open(t, target)
	for _, k := range Cases() {
		if reason := differs(target.Engine, k.Name); reason != "" {
			t.Logf("%s is known not to agree on %q: %s", target.Engine, k.Name, reason)
			continue
		}
		t.Run(k.Name, func(t *testing.T) { k.Run(&C{T: t, suite: s}) })
	}
}

func differs(engine, name string) (reason string) {
	for _, d := range Differences {
		if d.Engine == engine && d.Case == name {
			return d.Reason
		}
	}
	return ""
}
