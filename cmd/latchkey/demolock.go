package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

type demoLockCmd struct {
	Account string
	Data    string
}

// maxWrong is more than any lockout threshold of the made-up company.
const maxWrong = 12

// Run sends wrong passwords over LDAPS, as a forgotten device would, until the
// controller says that the account is locked.
func (c demoLockCmd) Run(_ context.Context, s streams) error {
	var ready demoReady
	b, err := os.ReadFile(filepath.Join(c.Data, demoFile))
	if err != nil {
		return fmt.Errorf("find the running demo: %w", err)
	}
	if err := json.Unmarshal(b, &ready); err != nil {
		return fmt.Errorf("find the running demo: %w", err)
	}
	for range maxWrong {
		locked, err := wrongBind(ready, c.Account)
		if err != nil {
			return err
		}
		if locked {
			fmt.Fprintf(s.out, "%s is locked out. Open %s and touch the passkey.\n", c.Account, ready.URL)
			return nil
		}
	}
	return fmt.Errorf("%s did not lock: is that one of the demo's people?", c.Account)
}

// wrongBind tries a wrong password once and says whether the account is locked.
func wrongBind(ready demoReady, account string) (locked bool, err error) {
	ca, err := os.ReadFile(ready.CAFile)
	if err != nil {
		return false, fmt.Errorf("read CA: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	u, err := url.Parse(ready.LDAPSURL)
	if err != nil {
		return false, fmt.Errorf("read the demo's address: %w", err)
	}
	conn, err := ldap.DialURL(ready.LDAPSURL, ldap.DialWithTLSConfig(&tls.Config{RootCAs: roots, ServerName: u.Hostname()}))
	if err != nil {
		return false, fmt.Errorf("reach the demo's controller: %w", err)
	}
	defer conn.Close()
	err = conn.Bind(`CORP\`+account, "not-the-password-Ω1")
	var answer *ldap.Error
	if errors.As(err, &answer) && answer.ResultCode == ldap.LDAPResultInvalidCredentials {
		return strings.Contains(answer.Err.Error(), "data 775"), nil
	}
	if err != nil {
		return false, fmt.Errorf("try a wrong password: %w", err)
	}
	return false, errors.New("a wrong password was taken")
}
