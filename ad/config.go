package ad

import (
	"log/slog"
	"time"

	"github.com/latchkey/latchkey/secret"
)

// Config says how to reach one domain.
type Config struct {
	// Controllers are tried in this order; writable ones only are written to,
	// the PDC emulator first. Each is "ldaps://host[:636]" or, with StartTLS
	// demanded, "ldap://host[:389]". Plain LDAP does not exist here.
	Controllers []string
	// Discovery finds controllers by DNS, beside those that are named.
	Discovery *Discovery
	// CAFile is a PEM file with the roots that may sign a controller's
	// certificate; "" uses the machine's.
	CAFile string
	// BaseDN bounds who is found: nobody outside of it exists for Latchkey. ""
	// takes defaultNamingContext of the rootDSE. Groups and policies are read in
	// the whole domain.
	BaseDN string
	// Read and Write are the service accounts. An empty Write is Read.
	Read, Write Service
	// ProtectedGroups (DNs) and ProtectedOUs (DNs) are refused beside the
	// built-in protected groups.
	ProtectedGroups []string
	ProtectedOUs    []string
	// Attributes are read with each account, beside what is always read: those that
	// policies ask for. See Account.Attributes.
	Attributes []string
	// OpTimeout bounds one LDAP operation; 0 is 10 seconds.
	OpTimeout time.Duration
	// PoolSize bounds open connections to one controller; 0 is 8.
	PoolSize int

	Logger *slog.Logger     // nil discards
	Now    func() time.Time // nil is time.Now
}

// Service is a service account: a UPN, DOMAIN\name or DN, and its password.
type Service struct {
	Bind     string
	Password secret.Text
}

// dnsDomain is the domain's DNS name, as far as the configuration says it.
func (cfg Config) dnsDomain() string {
	if cfg.Discovery != nil {
		return cfg.Discovery.Domain
	}
	return dnsName(cfg.BaseDN)
}
