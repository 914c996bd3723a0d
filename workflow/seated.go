package workflow

import (
	"context"
	"fmt"

	"github.com/latchkey/latchkey/ad"
)

// Seated says whether there is any request, old ones too, that the account was
// asked to review.
func (e *Engine) Seated(ctx context.Context, account ad.GUID) (bool, error) {
	one, err := e.store.Requests(ctx, Query{Asked: account, Limit: 1})
	if err != nil {
		return false, fmt.Errorf("find seat: %w", err)
	}
	return len(one) > 0, nil
}
