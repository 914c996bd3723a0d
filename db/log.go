package db

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
)

// ErrLog: what the store holds does not fit together. Verify an export.
var ErrLog = errors.New("log.broken")

const entryColumns = `e.seq, e.at, e.action, e.actor, e.target, e.request, e.bytes, e.hash`

// Record is enroll.Store's: it commits events that go with no other change.
func (s *Store) Record(ctx context.Context, events ...audit.Event) error {
	return wrap("record", s.write(ctx, func(t *tx) error { return t.recordTold(events...) }))
}

// Head returns the end of the chain. Written down somewhere else now and then, it
// shows later that nothing before it was made anew.
func (s *Store) Head(ctx context.Context) (audit.Head, error) {
	return readHead(s.row(ctx, `SELECT seq, hash FROM audit_head WHERE id = 1`))
}

func readHead(row scanner) (head audit.Head, err error) {
	var hash []byte
	if err := row.Scan(&head.Seq, &hash); err != nil {
		return head, wrap("read the end of the log", err)
	}
	if copy(head.Hash[:], hash) != len(head.Hash) {
		return head, fmt.Errorf("read the end of the log: %w", ErrLog)
	}
	return head, nil
}

// Events lists entries about an account, newest first, with the personal values
// that were not erased.
func (s *Store) Events(ctx context.Context, account ad.GUID, limit int) (all []audit.Entry, err error) {
	err = s.snapshot(ctx, func(t *sql.Tx) error {
		return eachEntry(ctx, t, func(n audit.Entry) error {
			all = append(all, n)
			return nil
		}, `SELECT `+entryColumns+`, p.name, p.salt, p.value
			FROM audit_entries e LEFT JOIN audit_personal p ON p.seq = e.seq
			WHERE e.seq IN (`+s.dialect.newest+`) ORDER BY e.seq DESC`, guidText(account), limit)
	})
	return all, wrap("list events", err)
}

// CountEvents counts the entries about an account.
func (s *Store) CountEvents(ctx context.Context, account ad.GUID) (n int, err error) {
	err = s.row(ctx, `SELECT count(*) FROM (`+s.dialect.about+`) AS about`, guidText(account)).Scan(&n)
	return n, wrap("count events", err)
}

// Export writes the whole log as docs/audit-format.md describes, as it is at one
// moment, one entry at a time. ErrLog when the entries do not end where the chain
// does.
func (s *Store) Export(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriterSize(w, 64<<10)
	err := s.snapshot(ctx, func(t *sql.Tx) error { return export(ctx, t, out) })
	if err == nil {
		err = out.Flush()
	}
	return wrap("export log", err)
}

// querier is one moment of the database.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func export(ctx context.Context, t querier, w io.Writer) error {
	head, err := readHead(translated{t.QueryRowContext(ctx, `SELECT seq, hash FROM audit_head WHERE id = 1`)})
	if err != nil {
		return err
	}
	var last audit.Head
	err = eachEntry(ctx, t, func(n audit.Entry) error {
		last = audit.Head{Seq: n.Seq, Hash: n.Hash}
		return audit.WriteEntry(w, n)
	}, `SELECT `+entryColumns+`, p.name, p.salt, p.value
		FROM audit_entries e LEFT JOIN audit_personal p ON p.seq = e.seq ORDER BY e.seq`)
	if err != nil {
		return err
	}
	if last != head {
		return fmt.Errorf("the entries end at %d, the chain at %d: %w", last.Seq, head.Seq, ErrLog)
	}
	return audit.WriteEnd(w, head)
}

// snapshot gives fn one moment of the database.
func (s *Store) snapshot(ctx context.Context, fn func(*sql.Tx) error) error {
	var t *sql.Tx
	var err error
	for range s.reads() {
		t, err = s.read.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
		if err == nil || !cut(err) {
			break
		}
	}
	if err != nil {
		return translate(err)
	}
	defer func() { _ = t.Rollback() }()
	return fn(t)
}

// eachEntry hands over entries one by one. The query gives a row for each
// personal value, one after the other, and one for an entry without any.
func eachEntry(ctx context.Context, t querier, fn func(audit.Entry) error, query string, args ...any) (err error) {
	rows, err := t.QueryContext(ctx, query, args...)
	if err != nil {
		return translate(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var open *audit.Entry
	for rows.Next() {
		n, err := scanEntry(rows)
		if err != nil {
			return translate(err)
		}
		if open != nil && open.Seq == n.Seq {
			for name, value := range n.Personal {
				open.Personal[name] = value
			}
			continue
		}
		if open != nil {
			if err := fn(*open); err != nil {
				return err
			}
		}
		open = &n
	}
	if err := rows.Err(); err != nil {
		return translate(err)
	}
	if open == nil {
		return nil
	}
	return fn(*open)
}

func scanEntry(rows scanner) (n audit.Entry, err error) {
	var hash, salt []byte
	var name, value sql.NullString
	err = rows.Scan(&n.Seq, &n.Time, &n.Action, &n.Actor, &n.Target, &n.Request, &n.Bytes, &hash, &name, &salt, &value)
	if err != nil {
		return n, err
	}
	n.Personal = map[string]audit.Salted{}
	whole := copy(n.Hash[:], hash) == len(n.Hash)
	if name.Valid {
		p := audit.Salted{Value: value.String}
		whole = copy(p.Salt[:], salt) == len(p.Salt) && whole
		n.Personal[name.String] = p
	}
	if !whole {
		return n, fmt.Errorf("entry %d: %w", n.Seq, ErrLog)
	}
	return n, nil
}

// ErasePersonal erases the personal values, with their salts, of every entry
// about an account or by it, and records that and by whom. The hashes stay, and
// the chain verifies as before. It returns how many values went. What requests
// hold themselves (reasons, device, address, a review's salts) stays.
func (s *Store) ErasePersonal(ctx context.Context, account ad.GUID, actor string) (int, error) {
	var n int64
	err := s.write(ctx, func(t *tx) (err error) {
		n, err = t.exec(`
			DELETE FROM audit_personal WHERE seq IN (
				SELECT seq FROM audit_entries WHERE target = $1 OR actor = $1)`, guidText(account))
		if err != nil {
			return err
		}
		return t.record(audit.Event{
			Action: audit.PersonalErased, Actor: actor, Target: guidText(account),
			Outcome: audit.OK, Detail: map[string]any{"values": n},
		})
	})
	if err != nil {
		return 0, wrap("erase personal values", err)
	}
	return int(n), wrap("erase personal values", s.foldWAL())
}

// foldWAL takes what was erased out of SQLite's write-ahead log too. PostgreSQL
// keeps it in dead rows until the next vacuum, and in its own log and backups as
// long as its owner does.
func (s *Store) foldWAL() error {
	if s.dialect.remote {
		return nil
	}
	_, err := s.read.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
	return translate(err)
}
