package db

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/latchkey/latchkey/enroll"
)

// decoded remembers the passkeys that were read or written last, each beside the
// very text that the table holds: decoding takes longer than reading, and a sign-in
// needs it twice. The text decides, so that a change by another server is seen. Who
// gets one may change its fields, and not the bytes behind them.
type decoded struct {
	mu   sync.Mutex
	last map[string]row // by credential ID

	spent map[string]bool // ids of ceremonies that were taken here, or tried to be
}

// row of a passkey, and the record's text in it. An account's user handle never
// changes, so that what it was found to be stays.
type row struct {
	passkey enroll.Credential
	text    string
	handle  string // of the passkey's account, or "" for not known
}

const (
	maxDecoded = 512
	maxSpent   = 4096
)

// scan reads a row of credentialColumns, and what the query has behind them.
func (d *decoded) scan(from scanner, more ...any) (enroll.Credential, error) {
	c, _, err := d.read(from, more...)
	return c, err
}

// each is scan for lists.
func (d *decoded) each(from scanner) (enroll.Credential, error) { return d.scan(from) }

// read returns the record's text too.
func (d *decoded) read(from scanner, more ...any) (c enroll.Credential, text string, err error) {
	var account string
	var created, used int64
	columns := []any{&c.ID, &account, &c.Name, &text, &created, &used, &c.Attested.Model, &c.Attested.Root}
	if err := from.Scan(append(columns, more...)...); err != nil {
		return c, "", orMissing(err, enroll.ErrNoCredential)
	}
	c.Created, c.LastUsed = fromMillis(created), fromMillis(used)
	if c.Account, err = guidOf(account); err != nil {
		return c, "", err
	}
	if known, is := d.row(c.ID); is && known.text == text {
		c.Record = known.passkey.Record
	} else if err := json.Unmarshal([]byte(text), &c.Record); err != nil {
		return c, "", fmt.Errorf("decode passkey: %w", err)
	}
	return d.keep(c, text), text, nil
}

// row is a passkey as it was seen last.
func (d *decoded) row(id []byte) (row, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	known, is := d.last[string(id)]
	return known, is
}

// keep may be of a batch that is rolled back later: then no row has this text.
func (d *decoded) keep(c enroll.Credential, text string) enroll.Credential {
	c.Record.Flags = flagsOf(c.Record.Flags)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == nil || len(d.last) >= maxDecoded {
		d.last = map[string]row{}
	}
	kept := row{passkey: c, text: text}
	if was := d.last[string(c.ID)]; was.passkey.Account == c.Account {
		kept.handle = was.handle
	}
	d.last[string(c.ID)] = kept
	return c
}

// owned remembers the user handle of a passkey's account.
func (d *decoded) owned(c enroll.Credential, handle []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, is := d.last[string(c.ID)]; is && known.passkey.Account == c.Account {
		known.handle = string(handle)
		d.last[string(c.ID)] = known
	}
}

// forget is for a passkey that is removed. Should that be rolled back, it is read again.
func (d *decoded) forget(id []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.last, string(id))
}

// spend may be of a batch that is rolled back later: then the table is asked once more.
func (d *decoded) spend(c enroll.Ceremony) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.spent == nil || len(d.spent) >= maxSpent {
		d.spent = map[string]bool{}
	}
	d.spent[c.ID] = true
}

func (d *decoded) wasSpent(c enroll.Ceremony) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.spent[c.ID]
}
