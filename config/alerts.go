package config

import (
	"fmt"
	"net/mail"
)

// Alerts is whom the server tells of what can't wait.
type Alerts struct {
	Mail []string `yaml:"mail"`
}

// maxAlerts bounds the mails that one freeze sends.
const maxAlerts = 20

// AlertMail are the addresses that alerts go to: none where there is neither an
// address for them nor one of the support.
func (c Config) AlertMail() []string {
	if len(c.Alerts.Mail) == 0 && c.Support.Mail != "" {
		return []string{c.Support.Mail}
	}
	return c.Alerts.Mail
}

func (c Config) checkAlerts(f *finder) {
	if len(c.Alerts.Mail) > maxAlerts {
		f.add("alerts.mail", "names %d addresses: at most %d", len(c.Alerts.Mail), maxAlerts)
	}
	if len(c.Alerts.Mail) > 0 && c.Mail.Host == "" {
		f.add("alerts.mail", "has no way out: mail.host is not set, and an alert leaves by mail only")
	}
	for i, to := range c.Alerts.Mail {
		if a, err := mail.ParseAddress(to); err != nil || a.Address != to {
			f.add(fmt.Sprintf("alerts.mail[%d]", i), "%q is no bare mail address, such as it-security@corp.example.test", to)
		}
	}
}
