package db

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

const selectRequest = `SELECT data FROM requests WHERE id = $1`

// Create is workflow.Store's.
func (s *Store) Create(ctx context.Context, r workflow.Request, c workflow.Change) error {
	return wrap("create request", s.write(ctx, func(t *tx) error {
		if err := t.unspent(c.Unspent); err != nil {
			return err
		}
		if err := t.mayOpen(r); err != nil {
			return err
		}
		data, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("encode request: %w", err)
		}
		n, err := t.exec(`
			INSERT INTO requests (id, kind, state, requester, target, wake, created, updated, version, data, open_key, outcome_key, vouched)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
			ON CONFLICT (open_key) DO NOTHING`,
			r.ID, string(r.Kind), string(r.State), guidText(r.Requester), guidText(r.Target),
			wakeMillis(r.Wake), millis(r.Created), millis(r.Updated), r.Version, string(data), openKey(r), outcomeKey(r), vouchedKey(r))
		if err != nil {
			return err
		}
		if n == 0 {
			return workflow.ErrOpen
		}
		return t.change(workflow.Request{}, r, c)
	}))
}

// mayOpen is workflow.ErrFrozen for an open request that comes right behind a freeze, which
// has cancelled what there was. One that is recorded as denied stays in nobody's way.
func (t *tx) mayOpen(r workflow.Request) error {
	if !r.State.Open() {
		return nil
	}
	if err := t.unfrozen(r.Target); !errors.Is(err, enroll.ErrFrozen) {
		return err
	}
	return workflow.ErrFrozen
}

// Request is workflow.Store's.
func (s *Store) Request(ctx context.Context, id string) (workflow.Request, error) {
	r, err := scanRequest(s.row(ctx, selectRequest, id))
	return r, wrap("read request", err)
}

// Update is workflow.Store's.
func (s *Store) Update(ctx context.Context, id string, fn func(*workflow.Request) (workflow.Change, error)) error {
	return s.write(ctx, func(t *tx) error {
		before, err := scanRequest(t.row(selectRequest+t.dialect.forUpdate, id))
		if err != nil {
			return wrap("update request", err)
		}
		r, err := scanRequest(t.row(selectRequest, id)) // a copy that shares nothing
		if err != nil {
			return wrap("update request", err)
		}
		change, err := fn(&r)
		if err != nil {
			return err
		}
		r.ID, r.Version = id, before.Version+1
		return wrap("update request", t.updateRequest(before, r, change))
	})
}

func (t *tx) updateRequest(before, r workflow.Request, c workflow.Change) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	if err := t.unspent(c.Unspent); err != nil {
		return err
	}
	if err := t.writeAlone(r); err != nil {
		return err
	}
	// A request that is over gives its key back, and never takes it again: what
	// replaces a generated password is no new request.
	_, err = t.exec(`
		UPDATE requests SET kind = $2, state = $3, requester = $4, target = $5,
			wake = $6, created = $7, updated = $8, version = $9, data = $10,
			open_key = CASE WHEN $11 THEN open_key END, outcome_key = $12
		WHERE id = $1`,
		r.ID, string(r.Kind), string(r.State), guidText(r.Requester), guidText(r.Target),
		wakeMillis(r.Wake), millis(r.Created), millis(r.Updated), r.Version, string(data), r.State.Open(), outcomeKey(r))
	if err != nil {
		return err
	}
	return t.change(before, r, c)
}

// openKey and outcomeKey are unique while they are there; nil where nothing is open.
func openKey(r workflow.Request) any {
	if !r.State.Open() {
		return nil
	}
	return guidText(r.Requester) + "/" + guidText(r.Target) + "/" + string(r.Kind)
}

func outcomeKey(r workflow.Request) any {
	if r.State == workflow.Executing || r.State == workflow.Unknown {
		return guidText(r.Target)
	}
	return nil
}

// vouchedKey is what a browser that waits for somebody's word finds it by; it never changes.
func vouchedKey(r workflow.Request) any {
	if !r.Vouched() {
		return nil
	}
	return r.Session
}

// writeAlone looks for another request whose outcome is open on the account.
// Nobody else writes meanwhile; the key would tell too, in the engine's own words.
func (t *tx) writeAlone(r workflow.Request) error {
	key := outcomeKey(r)
	if key == nil {
		return nil
	}
	var other string
	err := t.row(`SELECT id FROM requests WHERE outcome_key = $1 AND id <> $2`, key, r.ID).Scan(&other)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return workflow.ErrExecuting
}

// change writes what goes with a request: the proofs that are new in it, who has
// a seat, who is to be told, the freeze, the events, and the sessions that end.
func (t *tx) change(before, r workflow.Request, c workflow.Change) error {
	if err := t.consume(before, r); err != nil {
		return err
	}
	if err := t.ask(before, r); err != nil {
		return err
	}
	t.tell(before, r)
	return t.beside(c)
}

// beside writes what goes with a change and is of no one request.
func (t *tx) beside(c workflow.Change) error {
	for _, n := range c.Notices {
		if err := t.insertNotice(n); err != nil {
			return err
		}
	}
	if err := t.register(c.Passkey); err != nil {
		return err
	}
	if err := t.freeze(c.Freeze); err != nil {
		return err
	}
	if err := t.record(c.Events...); err != nil {
		return err
	}
	return t.endOthers(c.EndSessions)
}

// endOthers ends an account's sessions but one.
func (t *tx) endOthers(of *workflow.SessionsOf) error {
	if of == nil {
		return nil
	}
	n, err := t.endSessions(t.dialect.ofAccount+` AND id <> $2`, guidText(of.Account), of.Keep)
	if err != nil {
		return err
	}
	if n == 0 || of.Event == nil {
		return nil
	}
	return t.record(of.Event(int(n)))
}

// consume puts in one row for each new proof, of the requester or of a reviewer.
// The row's key is the proof, so that of two uses one wins.
func (t *tx) consume(before, r workflow.Request) error {
	known := map[string]bool{}
	for _, p := range before.Proofs {
		known[p.ID] = true
	}
	for _, v := range before.Reviews {
		known[v.Proof] = true
	}
	for _, p := range r.Proofs {
		if !known[p.ID] {
			if err := t.consumeOne(p.ID, "request "+r.ID); err != nil {
				return err
			}
		}
	}
	for _, v := range r.Reviews {
		if v.Proof != "" && !known[v.Proof] {
			if err := t.consumeOne(v.Proof, "review "+r.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *tx) consumeOne(proof, use string) error {
	n, err := t.exec(`INSERT INTO consumed_proofs (proof, use) VALUES ($1, $2) ON CONFLICT (proof) DO NOTHING`, proof, use)
	if err == nil && n == 0 {
		return workflow.ErrProofUsed
	}
	return err
}

// Requests is workflow.Store's.
func (s *Store) Requests(ctx context.Context, q workflow.Query) ([]workflow.Request, error) {
	where, args := []string{"1 = 1"}, []any{}
	add := func(column string, values ...any) {
		marks := make([]string, len(values))
		for i, v := range values {
			args = append(args, v)
			marks[i] = fmt.Sprintf("$%d", len(args))
		}
		where = append(where, column+" IN ("+strings.Join(marks, ", ")+")")
	}
	if !q.Requester.IsZero() {
		add("requester", guidText(q.Requester))
	}
	if !q.Target.IsZero() {
		add("target", guidText(q.Target))
	}
	if !q.Asked.IsZero() {
		args = append(args, guidText(q.Asked))
		where = append(where, fmt.Sprintf("id IN (SELECT request FROM asked WHERE account = $%d)", len(args)))
	}
	if q.Vouched != "" {
		add("vouched", q.Vouched)
	}
	if q.Stopped {
		args = append(args, string(enroll.PurposeStop))
		where = append(where, fmt.Sprintf("vouched IN (SELECT session FROM spent_ceremonies WHERE purpose = $%d AND session <> '')", len(args)))
	}
	if q.Kind != "" {
		add("kind", string(q.Kind))
	}
	if len(q.States) > 0 {
		add("state", texts(q.States)...)
	}
	limit := q.Limit
	if limit <= 0 {
		limit = 100
	}
	args = append(args, limit)
	all, err := list(ctx, s, scanRequest, fmt.Sprintf(
		`SELECT data FROM requests WHERE %s ORDER BY created DESC, id DESC LIMIT $%d`,
		strings.Join(where, " AND "), len(args)), args...)
	return all, wrap("list requests", err)
}

func texts(states []workflow.State) (values []any) {
	for _, state := range states {
		values = append(values, string(state))
	}
	return values
}

// Due is workflow.Store's.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]string, error) {
	ids, err := list(ctx, s, scanText,
		`SELECT id FROM requests WHERE wake > 0 AND wake <= $1 ORDER BY wake, id LIMIT $2`, millis(now), limit)
	return ids, wrap("list due requests", err)
}

// CountRequests counts those that an account asked for or that are about it.
func (s *Store) CountRequests(ctx context.Context, account ad.GUID) (n int, err error) {
	err = s.row(ctx, `SELECT count(*) FROM requests WHERE requester = $1 OR target = $1`, guidText(account)).Scan(&n)
	return n, wrap("count requests", err)
}

// wakeMillis rounds up: a job that wakes must not find itself early.
func wakeMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return millis(t.Add(time.Millisecond - 1))
}

func scanText(row scanner) (s string, err error) {
	err = row.Scan(&s)
	return s, err
}

func scanRequest(row scanner) (r workflow.Request, err error) {
	var data string
	if err := row.Scan(&data); err != nil {
		return r, orMissing(err, workflow.ErrNoRequest)
	}
	if err := json.Unmarshal([]byte(data), &r); err != nil {
		return r, fmt.Errorf("decode request: %w", err)
	}
	return r, nil
}
