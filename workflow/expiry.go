package workflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/latchkey/latchkey/ad"
)

const day = 24 * time.Hour

// RemindExpiring tells people that their password expires, once for each of the
// days that is reached: with 14, 7 and 1, whoever has six days left and was not
// told at seven is told now, and not again before the last day. It tells holders
// of a passkey, or everybody where Config says so, and keeps no copy of the
// directory.
//
// An error ends the round. The next one goes through everybody again and tells
// nobody twice, since the store knows who was told.
func (e *Engine) RemindExpiring(ctx context.Context, days []int) error {
	steps := slices.DeleteFunc(slices.Clone(days), func(d int) bool { return d <= 0 })
	if len(steps) == 0 {
		return nil
	}
	if e.people == nil || e.reminders == nil || (e.holders == nil && !e.everybody()) {
		return errors.New("remind of passwords: nobody to ask")
	}
	slices.Sort(steps)
	now := e.now()
	within := time.Duration(steps[len(steps)-1]) * day
	err := e.people.Expiring(ctx, now, within, func(page []ad.Expiring) error {
		for _, p := range page {
			if err := e.remindExpiring(ctx, p, steps, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remind of passwords: %w", err)
	}
	if _, err := e.reminders.PurgeReminders(ctx, now); err != nil {
		return fmt.Errorf("forget reminders: %w", err)
	}
	return nil
}

// remindExpiring tells one person, unless they were told of this step.
func (e *Engine) remindExpiring(ctx context.Context, p ad.Expiring, steps []int, now time.Time) error {
	left := p.Expires.Sub(now)
	i := slices.IndexFunc(steps, func(d int) bool { return left <= time.Duration(d)*day })
	if i < 0 || left <= 0 || p.GUID.IsZero() {
		return nil
	}
	wanted, err := e.wantsReminder(ctx, p.GUID)
	if err != nil || !wanted {
		return err
	}
	notice := Notice{To: p.GUID, Kind: NoticeExpiring, Until: p.Expires, Params: map[string]string{
		"days":    strconv.Itoa(int((left + day - 1) / day)),
		"expires": strconv.FormatInt(p.Expires.UnixMilli(), 10),
	}}
	_, err = e.reminders.Remind(ctx, p.GUID, p.Expires, steps[i], notice)
	return err
}

func (e *Engine) wantsReminder(ctx context.Context, account ad.GUID) (bool, error) {
	if !e.everybody() {
		holds, err := e.holders.HasPasskey(ctx, account)
		if err != nil || !holds {
			return false, err
		}
	}
	frozen, err := e.isFrozen(ctx, account)
	return !frozen && err == nil, err
}
