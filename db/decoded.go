package db

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/enroll"
)

// decoded remembers the passkeys that were read or written last, each beside the
// very text that the table holds: decoding takes longer than reading, and a sign-in
// needs it twice. The text decides, so that a change by another server is seen. Who
// gets one may change its fields, and not the bytes behind them.
type decoded struct {
	mu   sync.Mutex
	last map[string]record // by credential ID
}

type record struct {
	text  string
	value webauthn.Credential
}

const maxDecoded = 512

// scan reads a row of credentialColumns.
func (d *decoded) scan(row scanner) (c enroll.Credential, err error) {
	var account, text string
	var created, used int64
	if err := row.Scan(&c.ID, &account, &c.Name, &text, &created, &used, &c.Attested.Model, &c.Attested.Root); err != nil {
		return c, orMissing(err, enroll.ErrNoCredential)
	}
	if c.Record, err = d.decode(c.ID, text); err != nil {
		return c, fmt.Errorf("decode passkey: %w", err)
	}
	c.Created, c.LastUsed = fromMillis(created), fromMillis(used)
	c.Account, err = guidOf(account)
	return c, err
}

func (d *decoded) decode(id []byte, text string) (c webauthn.Credential, err error) {
	d.mu.Lock()
	known, is := d.last[string(id)]
	d.mu.Unlock()
	if is && known.text == text {
		return known.value, nil
	}
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return c, err
	}
	return d.keep(id, text, c), nil
}

// keep may be of a batch that is rolled back later: then no row has this text.
func (d *decoded) keep(id []byte, text string, c webauthn.Credential) webauthn.Credential {
	c.Flags = flagsOf(c.Flags)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last == nil || len(d.last) >= maxDecoded {
		d.last = map[string]record{}
	}
	d.last[string(id)] = record{text, c}
	return c
}
