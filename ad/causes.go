package ad

import (
	"errors"
	"regexp"
	"strings"
	"unicode"

	"github.com/go-ldap/ldap/v3"
)

// maxDiagnostic bounds a controller's text, in bytes.
const maxDiagnostic = 300

var (
	// "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 52e, v1db1"
	dataCode = regexp.MustCompile(`(?i)\bdata ([0-9a-f]{1,8})\b`)
	// "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0"
	leadingCode = regexp.MustCompile(`^\s*([0-9A-Fa-f]{8}):`)
)

// bindCode is the sub-code of a refused bind, in lower case; "" for none.
func bindCode(diagnostic string) string {
	if m := dataCode.FindStringSubmatch(diagnostic); m != nil {
		return strings.ToLower(m[1])
	}
	return ""
}

// writeCode is the Windows error code that leads a diagnostic, in upper case;
// "" for none.
func writeCode(diagnostic string) string {
	if m := leadingCode.FindStringSubmatch(diagnostic); m != nil {
		return strings.ToUpper(m[1])
	}
	return ""
}

// bindCauses are the sub-codes of code 49 (system error codes, in hex). 525
// says that nobody has that name, which is nobody's business.
var bindCauses = map[string]Cause{
	"525": ErrWrongPassword,
	"52e": ErrWrongPassword,
	"52f": ErrAccountRestriction,
	"530": ErrLogonHours,
	"531": ErrWorkstation,
	"532": ErrPasswordExpired,
	"533": ErrDisabled,
	"701": ErrAccountExpired,
	"773": ErrMustChange,
	"775": ErrLocked,
}

// bindCause never takes an unknown sub-code for a proved password.
func bindCause(diagnostic string) Cause {
	if cause, ok := bindCauses[bindCode(diagnostic)]; ok {
		return cause
	}
	return ErrWrongPassword
}

// writeCauses are the leading codes of a refused write (system error codes).
var writeCauses = map[string]Cause{
	"00000005": ErrRights,            // ERROR_ACCESS_DENIED, also with result 19
	"0000001F": ErrChannel,           // ERROR_GEN_FAILURE
	"00000056": ErrOldPassword,       // ERROR_INVALID_PASSWORD
	"0000052B": ErrOldPassword,       // ERROR_WRONG_PASSWORD
	"0000052C": ErrPasswordMalformed, // ERROR_ILL_FORMED_PASSWORD
	"0000052D": ErrPasswordRules,     // ERROR_PASSWORD_RESTRICTION
	"00000533": ErrDisabled,          // ERROR_ACCOUNT_DISABLED
	"00000701": ErrAccountExpired,    // ERROR_ACCOUNT_EXPIRED
	"00000775": ErrLocked,            // ERROR_ACCOUNT_LOCKED_OUT
	"00002030": ErrNotFound,          // ERROR_DS_NO_SUCH_OBJECT
	"00002098": ErrRights,            // ERROR_DS_INSUFF_ACCESS_RIGHTS
	"0000208D": ErrNotFound,          // ERROR_DS_OBJ_NOT_FOUND
}

// resultCauses are the LDAP results that mean the same whatever the code.
var resultCauses = map[uint16]Cause{
	ldap.LDAPResultReferral:                 ErrReferral,
	ldap.LDAPResultStrongAuthRequired:       ErrChannel,
	ldap.LDAPResultConfidentialityRequired:  ErrChannel,
	ldap.LDAPResultNoSuchObject:             ErrNotFound,
	ldap.LDAPResultInsufficientAccessRights: ErrRights,
	ldap.LDAPResultBusy:                     ErrUnavailable,
	ldap.LDAPResultUnavailable:              ErrUnavailable,
	ldap.LDAPResultTimeLimitExceeded:        ErrUnavailable,
}

// answerCause maps a controller's refusal.
func answerCause(result uint16, diagnostic string) Cause {
	if cause, ok := resultCauses[result]; ok {
		return cause
	}
	cause, ok := writeCauses[writeCode(diagnostic)]
	if !ok {
		return ErrRefused
	}
	if cause == ErrPasswordRules {
		return rulesCause(diagnostic)
	}
	return cause
}

// sambaWords tell more than 0000052D. Windows has no such words, so nothing
// depends on them.
var sambaWords = []struct {
	words string
	cause Cause
}{
	{"too short", ErrPasswordShort},
	{"complexity", ErrPasswordComplex},
	{"too young", ErrPasswordTooYoung},
	{"already used", ErrPasswordHistory},
}

func rulesCause(diagnostic string) Cause {
	for _, s := range sambaWords {
		if strings.Contains(diagnostic, s.words) {
			return s.cause
		}
	}
	return ErrPasswordRules
}

// diagnosticOf returns the controller's text, bounded and without control
// characters.
func diagnosticOf(e *ldap.Error) string {
	if e.Err == nil {
		return ""
	}
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(e.Err.Error(), "?"))
	return cut(strings.TrimSpace(clean), maxDiagnostic)
}

// fault turns what came up from a connection into the error of a method.
func fault(op string, at *controller, err error) *Error {
	e := &Error{Cause: ErrUnavailable, Op: op, Outcome: OutcomeNotWritten, Err: err}
	if at != nil {
		e.Controller = at.name
	}
	var done *Error
	var shut *bindRefused
	var odd *protocolError
	switch answer := refused(err); {
	case errors.As(err, &done):
		e.Cause, e.Diagnostic, e.Outcome, e.Err = done.Cause, done.Diagnostic, done.Outcome, done.Err
	case errors.As(err, &shut):
		e.Cause, e.Diagnostic = ErrServiceBind, shut.diagnostic
	case answer != nil && !lost(err):
		e.Diagnostic = diagnosticOf(answer)
		e.Cause, e.Err = answerCause(answer.ResultCode, e.Diagnostic), nil
	case errors.As(err, &odd) || ldap.IsErrorAnyOf(err, ldap.ErrorMalformedPacket, ldap.ErrorUnexpectedResponse, ldap.ErrorUnexpectedMessage):
		e.Cause = ErrProtocol
	}
	return e
}
