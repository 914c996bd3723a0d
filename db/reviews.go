package db

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// seats says of everybody with a seat whether they reviewed.
func seats(r workflow.Request) map[string]bool {
	all := map[string]bool{}
	for _, seat := range r.Asked {
		all[guidText(seat.Account)] = false
	}
	for _, v := range r.Reviews {
		if _, asked := all[guidText(v.By)]; asked && !v.Void {
			all[guidText(v.By)] = true
		}
	}
	return all
}

// ask keeps the seats where queries find them.
func (t *tx) ask(before, r workflow.Request) error {
	all := seats(r)
	if maps.Equal(all, seats(before)) {
		return nil
	}
	if _, err := t.exec(`DELETE FROM asked WHERE request = $1`, r.ID); err != nil {
		return err
	}
	for account, reviewed := range all {
		_, err := t.exec(`INSERT INTO asked (request, account, reviewed) VALUES ($1, $2, $3)`, r.ID, account, reviewed)
		if err != nil {
			return err
		}
	}
	return nil
}

// Waiting is push.Counter's: pending requests that this account has a seat for
// and has not reviewed.
func (s *Store) Waiting(ctx context.Context, account string) (n int, err error) {
	err = s.row(ctx, `
		SELECT count(*) FROM asked JOIN requests ON requests.id = asked.request
		WHERE asked.account = $1 AND NOT asked.reviewed AND requests.state = $2`,
		account, string(workflow.Pending)).Scan(&n)
	return n, wrap("count what waits", err)
}

// HasPasskey is workflow.Holders'.
func (s *Store) HasPasskey(ctx context.Context, account ad.GUID) (has bool, err error) {
	err = s.row(ctx, `SELECT EXISTS (SELECT 1 FROM credentials WHERE account = $1)`, guidText(account)).Scan(&has)
	return has, wrap("look for a passkey", err)
}

const freezeColumns = `account, by_guid, request, at, asked, alerted, told, proved`

// freeze leaves an account that is frozen as it is, unless its owner has asked since for a
// thaw: then it begins anew, and what was asked for and proved about it is worth nothing.
func (t *tx) freeze(f *workflow.Freeze) error {
	if f == nil {
		return nil
	}
	_, err := t.exec(`
		INSERT INTO freezes (`+freezeColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (account) DO UPDATE SET at = excluded.at, asked = 0, proved = '' WHERE freezes.asked <> 0`,
		guidText(f.Account), guidText(f.By), f.Request, millis(f.At), millis(f.Asked), millis(f.Alerted), millis(f.Told),
		kindsText(f.Proved))
	if err != nil {
		return err
	}
	return t.forgetBrowsers(f.Account) // one of them may be a stranger's
}

// freezeAnew begins a freeze anew, whether somebody asked for a thaw or only came in to. Who
// froze it first stays.
func (t *tx) freezeAnew(f *workflow.Freeze) error {
	if f == nil {
		return nil
	}
	_, err := t.exec(`UPDATE freezes SET at = $2, asked = 0, proved = '' WHERE account = $1`, guidText(f.Account), millis(f.At))
	return err
}

// CountAsked counts the requests that the account was asked to review.
func (s *Store) CountAsked(ctx context.Context, account ad.GUID) (n int, err error) {
	err = s.row(ctx, `SELECT count(*) FROM asked WHERE account = $1`, guidText(account)).Scan(&n)
	return n, wrap("count reviews", err)
}

// Frozen is workflow.Freezes'.
func (s *Store) Frozen(ctx context.Context, account ad.GUID) (*workflow.Freeze, error) {
	all, err := list(ctx, s, scanFreeze, `SELECT `+freezeColumns+` FROM freezes WHERE account = $1`, guidText(account))
	if err != nil || len(all) == 0 {
		return nil, wrap("look for a freeze", err)
	}
	return &all[0], nil
}

// IsFrozen is enroll.Config's.
func (s *Store) IsFrozen(ctx context.Context, account ad.GUID) (bool, error) {
	f, err := s.Frozen(ctx, account)
	return f != nil, err
}

// AllFrozen lists every freeze, newest first, for whoever runs the server.
func (s *Store) AllFrozen(ctx context.Context) ([]workflow.Freeze, error) {
	all, err := list(ctx, s, scanFreeze, `SELECT `+freezeColumns+` FROM freezes ORDER BY at DESC, account`)
	return all, wrap("list freezes", err)
}

// ThawsAsked is workflow.Freezes'. Each engine takes the index by one of the two
// conditions, and finds the rows by the other.
func (s *Store) ThawsAsked(ctx context.Context, except ad.GUID, most int) ([]workflow.Freeze, error) {
	all, err := list(ctx, s, scanFreeze, `
		SELECT `+freezeColumns+` FROM freezes WHERE asked <> 0 AND asked > 0 AND account <> $1
		ORDER BY asked DESC, account DESC LIMIT $2`, guidText(except), most)
	return all, wrap("list asked thaws", err)
}

// Unfreeze is workflow.Freezes'.
func (s *Store) Unfreeze(ctx context.Context, account ad.GUID, fn func(*workflow.Freeze) (workflow.Change, error)) error {
	return wrap("unfreeze", s.write(ctx, func(t *tx) error {
		_, change, err := t.changeFreeze(account, fn)
		if err != nil {
			return err
		}
		return t.endFreeze(account, change)
	}))
}

func scanFreeze(row scanner) (f workflow.Freeze, err error) {
	var account, by, proved string
	var at, asked, alerted, told int64
	if err := row.Scan(&account, &by, &f.Request, &at, &asked, &alerted, &told, &proved); err != nil {
		return f, err
	}
	f.At, f.Asked, f.Alerted, f.Told = fromMillis(at), fromMillis(asked), fromMillis(alerted), fromMillis(told)
	for _, kind := range strings.Fields(proved) {
		f.Proved = append(f.Proved, enroll.ProofKind(kind))
	}
	if f.By, err = guidOf(by); err != nil {
		return f, err
	}
	f.Account, err = guidOf(account)
	return f, err
}

// kindsText is kinds in a column, with a space between them.
func kindsText(kinds []enroll.ProofKind) string {
	words := make([]string, len(kinds))
	for i, kind := range kinds {
		words[i] = string(kind)
	}
	return strings.Join(words, " ")
}

// Remind is workflow.Reminders'. Whoever inserts the row has reminded.
func (s *Store) Remind(ctx context.Context, account ad.GUID, expires time.Time, days int, n workflow.Notice) (reminded bool, err error) {
	err = s.write(ctx, func(t *tx) error {
		rows, err := t.exec(`
			INSERT INTO reminders (account, expires, days) VALUES ($1, $2, $3)
			ON CONFLICT (account, expires, days) DO NOTHING`, guidText(account), millis(expires), days)
		if reminded = err == nil && rows > 0; !reminded {
			return err
		}
		return t.insertNotice(n)
	})
	return reminded && err == nil, wrap("remind", err)
}

// PurgeReminders is workflow.Reminders'.
func (s *Store) PurgeReminders(ctx context.Context, before time.Time) (int, error) {
	return s.purge(ctx, "purge reminders", `DELETE FROM reminders WHERE expires < $1`, millis(before))
}
