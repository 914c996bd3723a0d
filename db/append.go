package db

import (
	"errors"
	"fmt"

	"github.com/latchkey/latchkey/audit"
)

// chainEnd is the end of the log as the open transaction leaves it.
type chainEnd struct {
	head  audit.Head
	read  bool // from the table, at the first event
	moved bool
}

// record seals events behind the end of the chain.
func (t *tx) record(events ...audit.Event) error {
	if len(events) == 0 {
		return nil
	}
	if err := t.readHead(); err != nil {
		return err
	}
	for _, e := range events {
		if e.Time.IsZero() {
			e.Time = t.now()
		}
		entry, head, err := t.seal.Seal(t.end.head, e, t.random)
		if err != nil {
			return fmt.Errorf("record: %w", err)
		}
		if err := t.insertEntry(entry); err != nil {
			return fmt.Errorf("record %s: %w", e.Action, err)
		}
		t.end.head, t.end.moved = head, true
	}
	return nil
}

// readHead reads the end of the chain at the first event of a transaction.
func (t *tx) readHead() error {
	if t.end.read {
		return nil
	}
	var hash []byte
	err := t.row(`SELECT seq, hash FROM audit_head WHERE id = 1`+t.dialect.forUpdate).Scan(&t.end.head.Seq, &hash)
	if err != nil || len(hash) != len(t.end.head.Hash) {
		return errors.Join(errors.New("read the end of the log"), err)
	}
	copy(t.end.head.Hash[:], hash)
	t.end.read = true
	return nil
}

func (t *tx) insertEntry(n audit.Entry) error {
	t.hash = n.Hash
	_, err := t.exec(`
		INSERT INTO audit_entries (seq, at, action, actor, target, request, bytes, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		n.Seq, n.Time, string(n.Action), n.Actor, n.Target, n.Request, n.Bytes, t.hash[:])
	if err != nil {
		return err
	}
	if len(n.Personal) == 0 {
		return nil
	}
	values, salts := append(t.values[:0], n.Seq), t.salts[:0]
	for name, p := range n.Personal {
		salts = append(salts, p.Salt[:]...)
		values = append(values, name, salts[len(salts)-len(p.Salt):], p.Value)
	}
	_, err = t.exec(t.insertPersonal(len(n.Personal)), values...)
	clear(values)
	t.values, t.salts = values, salts
	return err
}

// insertPersonal takes an entry's number and so many names, salts and values.
func (t *tx) insertPersonal(many int) string {
	if t.personal == nil {
		t.personal = []string{"INSERT INTO audit_personal (seq, name, salt, value) VALUES"}
	}
	for n := len(t.personal); n <= many; n++ {
		comma := ","
		if n == 1 {
			comma = ""
		}
		t.personal = append(t.personal, fmt.Sprintf("%s%s ($1, $%d, $%d, $%d)", t.personal[n-1], comma, 3*n-1, 3*n, 3*n+1))
	}
	return t.personal[many]
}
