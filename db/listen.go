package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/latchkey/latchkey/ad"
)

// What one server tells the others goes through NOTIFY, inside the transaction,
// so that it is told if and only if that is committed. A payload carries ids, the
// version and the audience, never what is in the request.

const (
	channel = "latchkey"
	// audienceAtOnce keeps a payload below PostgreSQL's 8000 bytes.
	audienceAtOnce = 100
	// listenCheck is how often a silent connection is asked whether it lives.
	listenCheck = 30 * time.Second
	listenPause = 200 * time.Millisecond
	listenMost  = 5 * time.Second
)

// news is one payload.
type news struct {
	By       string    `json:"by"` // the Store that told, which does not tell itself
	ID       string    `json:"id,omitempty"`
	Version  int64     `json:"version,omitempty"`
	Audience []ad.GUID `json:"audience,omitempty"`
	Outbox   bool      `json:"outbox,omitempty"`
	Keys     bool      `json:"keys,omitempty"`
}

// notify tells the other servers what the open transaction changes.
func (t *tx) notify() error {
	var payloads []string
	add := func(n news) error {
		n.By = t.holder
		b, err := json.Marshal(n)
		payloads = append(payloads, string(b))
		return err
	}
	for _, c := range t.told.changed {
		for rest := c.audience; len(rest) > 0; rest = rest[min(len(rest), audienceAtOnce):] {
			part := rest[:min(len(rest), audienceAtOnce)]
			if err := add(news{ID: c.id, Version: c.version, Audience: part}); err != nil {
				return fmt.Errorf("encode news: %w", err)
			}
		}
	}
	if t.told.outbox || t.told.keys {
		if err := add(news{Outbox: t.told.outbox, Keys: t.told.keys}); err != nil {
			return fmt.Errorf("encode news: %w", err)
		}
	}
	if len(payloads) == 0 {
		return nil
	}
	_, err := t.exec(`SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload`, channel, payloads)
	return err
}

// ear is the goroutine that hears what the other servers tell.
type ear struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func (l *ear) stop() {
	l.cancel()
	<-l.done
}

// listen hears until it is stopped. After each connection everything may have
// been missed, and is said to be.
func (s *Store) listen(c Config) *ear {
	ctx, cancel := context.WithCancel(context.Background())
	l := &ear{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		pause := listenPause
		for ctx.Err() == nil {
			heard, err := s.hear(ctx, c.DSN.Reveal())
			if ctx.Err() != nil {
				return
			}
			if heard {
				pause = listenPause
			}
			s.log.Warn("changes of other servers are not heard", "error", translate(err), "again_in", pause)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			pause = min(2*pause, listenMost)
		}
	}()
	return l
}

// hear takes one connection and listens until it is lost.
func (s *Store) hear(ctx context.Context, dsn string) (heard bool, err error) {
	c, err := parseDSN(dsn, postgresSession)
	if err != nil {
		return false, err
	}
	conn, err := pgx.ConnectConfig(ctx, c)
	if err != nil {
		return false, err
	}
	defer func() {
		ends, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(ends)
	}()
	if _, err := conn.Exec(ctx, `LISTEN `+channel); err != nil {
		return false, err
	}
	s.hook(s.missed)
	s.hook(s.outbox)
	s.hook(s.keys)
	for {
		if err := s.hearNext(ctx, conn); err != nil {
			return true, err
		}
	}
}

// hearNext waits for one payload, or for the time to look after the connection.
func (s *Store) hearNext(ctx context.Context, conn *pgx.Conn) error {
	waits, cancel := context.WithTimeout(ctx, listenCheck)
	defer cancel()
	n, err := conn.WaitForNotification(waits)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) && !conn.IsClosed() {
			asks, cancel := context.WithTimeout(ctx, connectTime)
			defer cancel()
			return conn.Ping(asks)
		}
		return err
	}
	var told news
	if err := json.Unmarshal([]byte(n.Payload), &told); err != nil || told.By == s.holder {
		return nil // somebody else's word, or our own
	}
	if told.ID != "" && s.changed != nil {
		s.hook(func() { s.changed(told.ID, told.Version, told.Audience) })
	}
	if told.Outbox {
		s.hook(s.outbox)
	}
	if told.Keys {
		s.hook(s.keys)
	}
	return nil
}

// hook contains a panic.
func (s *Store) hook(fn func()) {
	if fn != nil {
		_ = s.call(func(*tx) error { fn(); return nil })
	}
}
