// Package dbtest is what every engine of package db must do: one suite, run
// against each. It comes through the door, knows no SQL, and looks at the audit
// log after every case: whatever happened, the chain verifies.
package dbtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// Store is what the suite tests.
type Store interface {
	enroll.Store
	workflow.Store
	workflow.Freezes
	IsFrozen(ctx context.Context, account ad.GUID) (bool, error)
	workflow.Holders
	workflow.Reminders
	push.Store
	push.Counter
	Head(ctx context.Context) (audit.Head, error)
	Events(ctx context.Context, account ad.GUID, limit int) ([]audit.Entry, error)
	CountEvents(ctx context.Context, account ad.GUID) (int, error)
	CountRequests(ctx context.Context, account ad.GUID) (int, error)
	CountAsked(ctx context.Context, account ad.GUID) (int, error)
	CountSubscriptions(ctx context.Context, account ad.GUID) (int, error)
	Export(ctx context.Context, w io.Writer) error
	ErasePersonal(ctx context.Context, account ad.GUID, actor string) (int, error)
	Take(ctx context.Context, key string, burst int, refill time.Duration, now time.Time) (time.Duration, error)
	PurgeLimits(ctx context.Context, now time.Time) (int, error)
	Ping(ctx context.Context) error
	Close() error
}

// Box is a box with a key that is good for tests only.
func Box() *secret.Box {
	box, err := secret.NewBox([]byte("a key of thirty-two bytes, tests"))
	if err != nil {
		panic(err)
	}
	return box
}

// Run runs the suite. open gives an empty store each time, with Box for what is
// kept sealed, and closes it when the test ends.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for _, c := range []struct {
		name string
		test func(*suite)
	}{
		{"ACeremonyIsTakenOnce", aCeremonyIsTakenOnce},
		{"OneOf200TakesACeremony", oneOf200TakesACeremony},
		{"OneOf200SpendsACeremony", oneOf200SpendsACeremony},
		{"ACeremonyOfAnotherPurposeOrTimeIsGone", aCeremonyOfAnotherPurposeOrTimeIsGone},
		{"TheOldestCeremoniesGiveWay", theOldestCeremoniesGiveWay},
		{"ExpiredCeremoniesArePurged", expiredCeremoniesArePurged},
		{"AHandleIsGivenOnce", aHandleIsGivenOnce},
		{"APasskeyComesBackWhole", aPasskeyComesBackWhole},
		{"APasskeyIsRegisteredOnce", aPasskeyIsRegisteredOnce},
		{"APasskeyChangesThroughAClosure", aPasskeyChangesThroughAClosure},
		{"TheLastPasskeyGoesOnlyWhenMeant", theLastPasskeyGoesOnlyWhenMeant},
		{"OneOfTwoRemovesTheSecondLastPasskey", oneOfTwoRemovesTheSecondLastPasskey},
		{"ARemovedPasskeyEndsItsSessions", aRemovedPasskeyEndsItsSessions},
		{"AnAssertionIsKeptWholeOrNotAtAll", anAssertionIsKeptWholeOrNotAtAll},
		{"SessionsEnd", sessionsEnd},
		{"ASignInProofCountsOnce", aSignInProofCountsOnce},
		{"OneOf200UsesAProof", oneOf200UsesAProof},
		{"AUsedProofStaysUsedWhenPurged", aUsedProofStaysUsedWhenPurged},
		{"OneOf200EnrolsAnInvitation", oneOf200EnrolsAnInvitation},
		{"AClosedInvitationEnrolsNobody", aClosedInvitationEnrolsNobody},
		{"EnrolmentIsKeptWholeOrNotAtAll", enrolmentIsKeptWholeOrNotAtAll},
		{"OwnLinksEndWithSessionsAndPasskeys", ownLinksEndWithSessionsAndPasskeys},
		{"TriesOfAnInvitationAreCounted", triesOfAnInvitationAreCounted},
		{"ARequestComesBackWhole", aRequestComesBackWhole},
		{"OneOf200ChangesTheState", oneOf200ChangesTheState},
		{"AnUpdateIsKeptWholeOrNotAtAll", anUpdateIsKeptWholeOrNotAtAll},
		{"OneOf200RequestsConsumesAProof", oneOf200RequestsConsumesAProof},
		{"AChangeEndsTheOtherSessions", aChangeEndsTheOtherSessions},
		{"RequestsAreFound", requestsAreFound},
		{"DueRequestsAreFoundWhenTheirTimeHasCome", dueRequestsAreFoundWhenTheirTimeHasCome},
		{"ASeatFindsItsRequests", aSeatFindsItsRequests},
		{"OneOf200ReviewsConsumesAProof", oneOf200ReviewsConsumesAProof},
		{"AFreezeIsKeptWithItsChangeAndOnce", aFreezeIsKeptWithItsChangeAndOnce},
		{"OneOf200LiftsAFreeze", oneOf200LiftsAFreeze},
		{"OneOf200Reminds", oneOf200Reminds},
		{"AHolderHasAPasskey", aHolderHasAPasskey},
		{"ANoticeComesBackWhole", aNoticeComesBackWhole},
		{"EachNoticeGoesToOneClaimer", eachNoticeGoesToOneClaimer},
		{"ALeaseThatIsOverIsClaimedAgain", aLeaseThatIsOverIsClaimedAgain},
		{"ANoticeFansOutOnce", aNoticeFansOutOnce},
		{"ADeliveryComesBackWholeWhenItIsDue", aDeliveryComesBackWholeWhenItIsDue},
		{"EachDeliveryGoesToOneClaimer", eachDeliveryGoesToOneClaimer},
		{"OneOf200EndsADelivery", oneOf200EndsADelivery},
		{"ARetryGivesTheLeaseBack", aRetryGivesTheLeaseBack},
		{"OneMessageEndsWhatItSpeaksFor", oneMessageEndsWhatItSpeaksFor},
		{"ANoticeIsJudgedByItsOwnPushes", aNoticeIsJudgedByItsOwnPushes},
		{"WhatGoesToManyComesLast", whatGoesToManyComesLast},
		{"GivingUpPutsNextInItsPlaceOrNothing", givingUpPutsNextInItsPlaceOrNothing},
		{"ASubscriptionKnowsHowItsLastDeliveryEnded", aSubscriptionKnowsHowItsLastDeliveryEnded},
		{"WhatEndedIsForgottenLater", whatEndedIsForgottenLater},
		{"ASubscriptionComesBackWhole", aSubscriptionComesBackWhole},
		{"ASubscriptionIsRenewedByItsOwnerOnly", aSubscriptionIsRenewedByItsOwnerOnly},
		{"OnlyTheLimitOfSubscriptionsIsSaved", onlyTheLimitOfSubscriptionsIsSaved},
		{"ARemovedSubscriptionTakesItsDeliveries", aRemovedSubscriptionTakesItsDeliveries},
		{"OneOf200MakesTheFirstPushKey", oneOf200MakesTheFirstPushKey},
		{"TheLogVerifies", theLogVerifies},
		{"AFailedEventFailsItsChange", aFailedEventFailsItsChange},
		{"ErasedValuesAreGoneAndTheLogVerifies", erasedValuesAreGoneAndTheLogVerifies},
		{"AnExportIsOneMoment", anExportIsOneMoment},
		{"ABucketRefills", aBucketRefills},
		{"TheBurstIsSharedBy200", theBurstIsSharedBy200},
		{"ACallerThatGaveUpChangesNothing", aCallerThatGaveUpChangesNothing},
		{"APanicStaysInItsClosure", aPanicStaysInItsClosure},
		{"AClosedStoreRefuses", aClosedStoreRefuses},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &suite{T: t, Store: open(t), ctx: context.Background(), now: time.UnixMilli(1798804800123).UTC()}
			c.test(s)
			if !s.closed {
				s.verify()
			}
		})
	}
}

type suite struct {
	*testing.T
	Store
	ctx    context.Context
	now    time.Time
	closed bool
	made   int // requests for notices
}

// must stops at an error.
func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// want demands one error.
func (s *suite) want(err, want error) {
	s.Helper()
	if !errors.Is(err, want) {
		s.Fatalf("got %v, want %v", err, want)
	}
}

// same compares printed forms.
func (s *suite) same(got, want any) {
	s.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		s.Fatalf("got\n%s\nwant\n%s", g, w)
	}
}

func (s *suite) verify() audit.Report {
	s.Helper()
	var out bytes.Buffer
	s.must(s.Export(s.ctx, &out))
	report, err := audit.Verify(&out)
	s.must(err)
	return report
}

// race calls fn from n goroutines at once and counts the nil errors; every other
// error must be one of lost.
func (s *suite) race(n int, fn func(i int) error, lost error) (won int) {
	s.Helper()
	start, errs := make(chan struct{}), make(chan error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			errs <- fn(i)
		})
	}
	close(start)
	all.Wait()
	close(errs)
	for err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, lost):
			s.Fatalf("got %v, want %v", err, lost)
		}
	}
	return won
}

// guid makes an objectGUID of a number.
func guid(n int) ad.GUID { return ad.GUID{0: byte(n), 1: byte(n >> 8), 15: 0xaa} }

func (s *suite) event(action audit.Action, target ad.GUID) audit.Event {
	return audit.Event{
		Time: s.now, Action: action, Actor: target.String(), Target: target.String(), Outcome: audit.OK,
		Detail: map[string]any{"n": int64(1)}, Personal: map[string]string{"device": "Firefox on Linux", "address": "192.0.2.7"},
	}
}

func (s *suite) events(account ad.GUID) int {
	s.Helper()
	n, err := s.CountEvents(s.ctx, account)
	s.must(err)
	return n
}
