package dbtest

import (
	"fmt"
	"time"

	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/workflow"
)

// progress is how the pushes of a notice stand.
func (s *suite) progress(notice int64) push.Progress {
	s.Helper()
	p, err := s.Progress(s.ctx, notice)
	s.must(err)
	return p
}

// pushed is a push of one notice, by the number that it carries.
func (s *suite) pushed(n int, notice int64) push.Delivery {
	d := s.delivery(n)
	d.Channel, d.Subscription, d.Notice = push.ChannelPush, "sub", notice
	return d
}

func oneMessageEndsWhatItSpeaksFor(s *suite) {
	sub := s.subscribe("sub", guid(1))
	speaks := s.pushed(0, 1)
	waits, kindred := s.pushed(1, 2), s.pushed(2, 3)
	waits.Due, kindred.Kind, kindred.Cap = s.now.Add(time.Minute), workflow.NoticeReminder, push.CapWaits
	others := []push.Delivery{s.pushed(3, 4), s.pushed(4, 5), s.pushed(5, 6), s.pushed(6, 7), s.pushed(7, 8)}
	others[0].Kind = workflow.NoticeApproved
	others[1].To = guid(2).String()
	others[2].Subscription = "other"
	others[3].Channel, others[3].Subscription = push.ChannelMail, ""
	others[4].Created = s.now.Add(time.Millisecond) // after what was said
	got := s.deliveries(append([]push.Delivery{speaks, waits, kindred}, others...)...)
	s.same(len(got), 7)                                     // one is not due
	for i, want := range []bool{true, false, true, false} { // kindred is the second
		capped, err := s.Capped(s.ctx, got[i])
		s.must(err)
		s.same(capped, want)
	}

	end := func() error {
		return s.DeliveredWith(s.ctx, got[0], s.now, s.now, workflow.NoticeReview, workflow.NoticeReminder)
	}
	s.must(end())
	s.want(end(), push.ErrNoDelivery)
	s.want(s.Retry(s.ctx, got[1].ID, s.now, "", push.CapWaits), push.ErrNoDelivery)
	for notice := range int64(3) {
		s.same(s.progress(notice+1), push.Progress{Taken: 1})
	}
	var left []string
	for _, d := range s.due(s.now.Add(time.Hour)) {
		left = append(left, d.Params["n"])
	}
	s.same(left, []string{"3", "4", "5", "6", "7"})
	device, err := s.Subscription(s.ctx, sub.ID)
	s.must(err)
	s.same(device.Reached, s.now)
}

func aNoticeIsJudgedByItsOwnPushes(s *suite) {
	capped, mail := s.pushed(4, 8), s.pushed(5, 8)
	capped.Cap, mail.Channel = push.CapWaits, push.ChannelMail
	got := s.deliveries(s.pushed(1, 8), s.pushed(2, 8), s.pushed(3, 9), capped, mail, s.pushed(6, 0))
	s.same(s.progress(8), push.Progress{Waiting: 3, Capped: 1})
	s.must(s.GiveUp(s.ctx, got[0].ID, s.now, "", nil))
	s.must(s.Delivered(s.ctx, got[2].ID, s.now))
	s.must(s.Delivered(s.ctx, got[4].ID, s.now))
	s.same(s.progress(8), push.Progress{Waiting: 2, Capped: 1})
	s.same(s.progress(9), push.Progress{Taken: 1})
	s.must(s.Delivered(s.ctx, got[1].ID, s.now))
	s.must(s.GiveUp(s.ctx, got[3].ID, s.now, "", nil))
	s.same(s.progress(8), push.Progress{Taken: 1})
	// What an earlier release fanned out belongs to none.
	s.must(s.Delivered(s.ctx, got[5].ID, s.now))
	s.same(s.progress(0), push.Progress{})
}

func whatGoesToManyComesLast(s *suite) {
	var c workflow.Change
	for i, kind := range []string{workflow.NoticeExpiring, workflow.NoticeExpiring, workflow.NoticeReview, workflow.NoticeChanged} {
		c.Notices = append(c.Notices, workflow.Notice{To: guid(1), Kind: kind, Params: map[string]string{"n": fmt.Sprint(i)}})
	}
	s.must(s.Create(s.ctx, s.request("many"), c))
	var order []string
	var fanned []push.Delivery
	for _, n := range s.claim(10) {
		order = append(order, n.Params["n"])
		d := s.delivery(0)
		d.Kind, d.Params = n.Kind, n.Params
		if n.Kind == workflow.NoticeExpiring {
			d.Due = s.now.Add(-time.Hour) // the longest due
		}
		fanned = append(fanned, d)
		s.must(s.Fan(s.ctx, n.ID, []push.Delivery{d}))
	}
	s.same(order, []string{"2", "3", "0", "1"})

	some := func(limit, bulk int, want ...string) {
		s.Helper()
		got, err := s.ClaimDeliveries(s.ctx, s.now, lease, limit, bulk)
		s.must(err)
		var order []string
		for _, d := range got {
			order = append(order, d.Params["n"])
		}
		s.same(order, want)
	}
	some(1, 1, "2")
	some(9, 0, "3")
	some(9, 0)
	some(9, 9, "0", "1")
	s.now = s.now.Add(lease)
	some(1, 2, "2", "0") // room for one, and as many of a bulk kind as there are two in all
	s.now = s.now.Add(lease)
	some(9, 9, "2", "3", "0", "1")
}
