package db

import (
	"context"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
)

// browserKept is how long nobody has to sign in with a browser for it to be forgotten;
// its cookie lives as long.
const browserKept = 400 * 24 * time.Hour

// bind makes the browser known to the account.
func (t *tx) bind(c enroll.Session) error {
	if c.Browser == "" {
		return nil
	}
	_, err := t.exec(`
		INSERT INTO browsers (account, browser, first, last) VALUES ($1, $2, $3, $3)
		ON CONFLICT (account, browser) DO UPDATE SET last = excluded.last`, t.account(c.Account), c.Browser, millis(c.SignedIn))
	return err
}

// forgetBrowsers makes every browser new to the account again.
func (t *tx) forgetBrowsers(account ad.GUID) error {
	_, err := t.exec(`DELETE FROM browsers WHERE account = $1`, guidText(account))
	return err
}

// CountBrowsers counts those that an account was signed in with.
func (s *Store) CountBrowsers(ctx context.Context, account ad.GUID) (n int, err error) {
	err = s.row(ctx, `SELECT count(*) FROM browsers WHERE account = $1`, guidText(account)).Scan(&n)
	return n, wrap("count browsers", err)
}

// KnownBrowser is workflow.Browsers'.
func (s *Store) KnownBrowser(ctx context.Context, account ad.GUID, browser string, before time.Time) (known bool, err error) {
	err = s.row(ctx, `SELECT EXISTS (SELECT 1 FROM browsers WHERE account = $1 AND browser = $2 AND first <= $3)`,
		guidText(account), browser, millis(before)).Scan(&known)
	return known, wrap("look for a browser", err)
}
