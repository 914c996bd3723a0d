package ad

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/latchkey/latchkey/secret"
)

func secretOf(s string) secret.Text { return secret.New(s) }

func TestBindCodesHaveTheirCause(t *testing.T) {
	for code, want := range map[string]Cause{"525": ErrWrongPassword, "52e": ErrWrongPassword, "52f": ErrAccountRestriction, "530": ErrLogonHours,
		"531": ErrWorkstation, "532": ErrPasswordExpired, "533": ErrDisabled, "701": ErrAccountExpired, "773": ErrMustChange, "775": ErrLocked,
		"": ErrWrongPassword, "0": ErrWrongPassword, "7755": ErrWrongPassword, "999": ErrWrongPassword} {
		text := "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data " + code + ", v1db1"
		if got := bindCause(text); got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
	for text, want := range map[string]Cause{"": ErrWrongPassword, "data": ErrWrongPassword, "DATA 52E": ErrWrongPassword, "data 773,": ErrMustChange,
		"error 775 at line 773": ErrWrongPassword, "metadata 773": ErrWrongPassword} {
		if got := bindCause(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestWriteCodesHaveTheirCause(t *testing.T) {
	for _, c := range []struct {
		result uint16
		text   string
		want   Cause
	}{
		{19, "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0", ErrPasswordRules},
		{19, "0000052D: Constraint violation - check_password_restrictions: the password is too short. It should be equal or longer than 7 characters!", ErrPasswordShort},
		{19, "0000052D: Constraint violation - check_password_restrictions: the password does not meet the complexity criteria!", ErrPasswordComplex},
		{19, "0000052D: Constraint violation - check_password_restrictions: password is too young to change!", ErrPasswordTooYoung},
		{19, "0000052D: Constraint violation - check_password_restrictions: the password was already used (in history)!", ErrPasswordHistory},
		{53, "0000052D: SvcErr: DSID-031A12D2", ErrPasswordRules},
		{19, "00000056: AtrErr: DSID-03191083, #1", ErrOldPassword},
		{19, "0000052B: x", ErrOldPassword},
		{19, "0000052c: x", ErrPasswordMalformed},
		{19, "00000005: SecErr: DSID-031A1190, problem 4003", ErrRights},
		{50, "00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS)", ErrRights},
		{50, "error in module acl: insufficient access rights during LDB_MODIFY (50)", ErrRights},
		{53, "0000001F: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0", ErrChannel},
		{13, "", ErrChannel},
		{8, "00002028: LdapErr", ErrChannel},
		{53, "00002035: setup_io: it's not allowed to set the NT hash password directly'", ErrRefused},
		{12, "00000057: LdapErr: DSID-0C090B96", ErrRefused},
		{10, "0000202B: RefErr: DSID-031007F3, data 0, 1 access points", ErrReferral},
		{19, "00000775: Password change not permitted, account locked out!", ErrLocked},
		{32, "0000208D: NameErr: DSID-0310028D", ErrNotFound},
		{51, "", ErrUnavailable},
		{52, "", ErrUnavailable},
		{80, "", ErrRefused},
		{19, "the code 0000052D: is not in front", ErrRefused},
		{19, "too short", ErrRefused},
	} {
		if got := answerCause(c.result, c.text); got != c.want {
			t.Errorf("%d %q: %s, want %s", c.result, c.text, got, c.want)
		}
	}
}

// answer is a refusal as the library makes it.
func answer(result uint16, text string) error {
	return &ldap.Error{ResultCode: result, Err: errors.New(text), Packet: new(ber.Packet)}
}

func TestFaultsCarryNoPacketAndNoEndlessText(t *testing.T) {
	at := &controller{name: "dc1"}
	e := fault("op", at, answer(19, "0000052D: a\nb\x00\xff"+strings.Repeat("ü", 1000)))
	if e.Cause != ErrPasswordRules || len(e.Diagnostic) > maxDiagnostic || strings.ContainsAny(e.Diagnostic, "\n\x00") || e.Err != nil {
		t.Errorf("%+v", e)
	}
	if e := fault("op", at, &lostError{err: ldap.NewError(ldap.ErrorMalformedPacket, errors.New("x"))}); e.Cause != ErrProtocol {
		t.Errorf("%+v", e)
	}
	if e := fault("op", at, &lostError{err: errors.New("x")}); e.Cause != ErrUnavailable || e.Outcome != OutcomeNotWritten {
		t.Errorf("%+v", e)
	}
	if e := fault("op", at, fmt.Errorf("read rootDSE: %w", misread("x"))); e.Cause != ErrProtocol {
		t.Errorf("%+v", e)
	}
	if e := fault("op", at, &bindRefused{reading, "data 52e"}); e.Cause != ErrServiceBind || e.Diagnostic != "data 52e" {
		t.Errorf("%+v", e)
	}
}

func TestAnErrorOfTheLibraryItselfIsNoAnswer(t *testing.T) {
	for _, err := range []error{ldap.NewError(ldap.LDAPResultTimeout, errors.New("x")), ldap.NewError(ldap.ErrorNetwork, errors.New("x")),
		errors.New("ldap: unexpected response: 24"), nil} {
		if refused(err) != nil {
			t.Errorf("%v counts as the controller's answer", err)
		}
	}
}

func FuzzDiagnostics(f *testing.F) {
	f.Add(uint16(19), "0000052D: Constraint violation")
	f.Add(uint16(49), "data 52e, v1db1")
	f.Fuzz(func(t *testing.T, result uint16, text string) {
		e := fault("op", nil, answer(result, text))
		if e.Cause == "" || len(e.Diagnostic) > maxDiagnostic {
			t.Errorf("%+v", e)
		}
		if bindCause(text) == "" {
			t.Error("no cause")
		}
	})
}
