package db

import (
	"context"
	"fmt"
)

// Sealed says whether a PostgreSQL database holds what a key has sealed. It
// changes nothing, and an empty database has nothing sealed.
func Sealed(ctx context.Context, c Config) (sealed bool, err error) {
	s, err := newStore(c)
	if err != nil {
		return false, err
	}
	if s.read, err = s.openReaders(c, sqliteReadOnly); err != nil {
		return false, err
	}
	defer func() { _ = s.read.Close() }()
	var made bool
	if err := s.row(ctx, `SELECT to_regclass('vapid_keys') IS NOT NULL`).Scan(&made); err != nil || !made {
		return false, wrap("look for sealed values", err)
	}
	if err := s.row(ctx, `SELECT EXISTS (SELECT 1 FROM vapid_keys)`).Scan(&sealed); err != nil {
		return false, fmt.Errorf("look for sealed values: %w", err)
	}
	return sealed, nil
}
