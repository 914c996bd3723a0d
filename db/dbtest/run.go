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
	AllFrozen(ctx context.Context) ([]workflow.Freeze, error)
	IsFrozen(ctx context.Context, account ad.GUID) (bool, error)
	workflow.Holders
	workflow.Browsers
	workflow.Reminders
	push.Store
	push.Counter
	push.VerifiedAddresses
	Head(ctx context.Context) (audit.Head, error)
	Events(ctx context.Context, account ad.GUID, limit int) ([]audit.Entry, error)
	CountEvents(ctx context.Context, account ad.GUID) (int, error)
	CountRequests(ctx context.Context, account ad.GUID) (int, error)
	CountAsked(ctx context.Context, account ad.GUID) (int, error)
	CountBrowsers(ctx context.Context, account ad.GUID) (int, error)
	CountSubscriptions(ctx context.Context, account ad.GUID) (int, error)
	Export(ctx context.Context, w io.Writer) error
	ErasePersonal(ctx context.Context, account ad.GUID, actor string) (int, error)
	Take(ctx context.Context, key string, burst int, refill time.Duration, now time.Time) (time.Duration, error)
	TakeAll(ctx context.Context, from []push.Bucket, now time.Time) ([]time.Duration, error)
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
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			run(t, c.test, s, s)
		})
	}
}

// RunTwo runs the cases in which many want the same, with half of them on another
// store, as two servers have it. open gives two stores on one empty database.
func RunTwo(t *testing.T, open func(t *testing.T) (a, b Store)) {
	for _, c := range cases {
		if c.races {
			t.Run(c.name, func(t *testing.T) {
				a, b := open(t)
				run(t, c.test, a, b)
			})
		}
	}
}

func run(t *testing.T, test func(*suite), a, b Store) {
	s := &suite{T: t, Store: a, other: b, ctx: context.Background(), now: time.UnixMilli(1798804800123).UTC()}
	test(s)
	if !s.closed {
		s.verify()
	}
}

var cases = []struct {
	name  string
	test  func(*suite)
	races bool
}{
	{"ACeremonyIsTakenOnce", aCeremonyIsTakenOnce, false},
	{"OneOf200TakesACeremony", oneOf200TakesACeremony, true},
	{"OneOf200SpendsACeremony", oneOf200SpendsACeremony, true},
	{"OneOf200ChangesAPasskeyWithACeremony", oneOf200ChangesAPasskeyWithACeremony, true},
	{"ACeremonyOfAnotherPurposeOrTimeIsGone", aCeremonyOfAnotherPurposeOrTimeIsGone, false},
	{"TheOldestCeremoniesGiveWay", theOldestCeremoniesGiveWay, false},
	{"ExpiredCeremoniesArePurged", expiredCeremoniesArePurged, false},
	{"AHandleIsGivenOnce", aHandleIsGivenOnce, true},
	{"ASignerIsHeldToHandleAndCeremony", aSignerIsHeldToHandleAndCeremony, false},
	{"APasskeyComesBackWhole", aPasskeyComesBackWhole, false},
	{"APasskeyIsRegisteredOnce", aPasskeyIsRegisteredOnce, true},
	{"ASignerIsRemembered", aSignerIsRemembered, false},
	{"APasskeyChangedElsewhereIsSeen", aPasskeyChangedElsewhereIsSeen, true},
	{"APasskeyChangesThroughAClosure", aPasskeyChangesThroughAClosure, true},
	{"TheLastPasskeyGoesOnlyWhenMeant", theLastPasskeyGoesOnlyWhenMeant, false},
	{"OneOfTwoRemovesTheSecondLastPasskey", oneOfTwoRemovesTheSecondLastPasskey, true},
	{"ARemovedPasskeyEndsItsSessions", aRemovedPasskeyEndsItsSessions, false},
	{"AnAssertionIsKeptWholeOrNotAtAll", anAssertionIsKeptWholeOrNotAtAll, false},
	{"OneOf200SignsInWithACeremony", oneOf200SignsInWithACeremony, true},
	{"SessionsEnd", sessionsEnd, false},
	{"AccountsThatBeginAlikeStayApart", accountsThatBeginAlikeStayApart, false},
	{"SessionsAndEntriesOfAnAccountAreAllFound", sessionsAndEntriesOfAnAccountAreAllFound, false},
	{"ABrowserIsKnownFromItsFirstSignInOn", aBrowserIsKnownFromItsFirstSignInOn, false},
	{"ASignInProofCountsOnce", aSignInProofCountsOnce, false},
	{"FactorsAreReplacedByKind", factorsAreReplacedByKind, false},
	{"OneOf200UsesARecoveryCode", oneOf200UsesARecoveryCode, true},
	{"TriesOfAProofAreCountedEachOnce", triesOfAProofAreCountedEachOnce, true},
	{"ATryThatIsRefusedChangesNothing", aTryThatIsRefusedChangesNothing, false},
	{"ProofsOfASessionAreWholeOrNothing", proofsOfASessionAreWholeOrNothing, false},
	{"AnOldAddressIsToldOfWhatTookItsPlace", anOldAddressIsTold, false},
	{"WhatHappenedBeforeAnAddressWentIsToldThere", whatHappenedBeforeAnAddressWentIsToldThere, false},
	{"ReplacedProofsAreNoted", replacedProofsAreNoted, false},
	{"OneOf200AnswersOneAsking", oneOf200AnswersOneAsking, true},
	{"OneOf200TakesAWayIn", oneOf200TakesAWayIn, true},
	{"RecoveryIsWholeOrNothing", recoveryIsWholeOrNothing, false},
	{"ChangesOfProofsAreTold", changesOfProofsAreTold, false},
	{"ARequestRegistersAPasskey", aRequestRegistersAPasskey, false},
	{"APasskeyByRequestLeavesTheOthersWhereItMay", aPasskeyByRequestLeavesTheOthersWhereItMay, false},
	{"AFrozenAccountGetsNoPasskeyByRequest", aFrozenAccountGetsNoPasskeyByRequest, false},
	{"OneOf200UsesAProof", oneOf200UsesAProof, true},
	{"OldProofsGoWhateverTheyAreCalled", oldProofsGoWhateverTheyAreCalled, false},
	{"AUsedProofStaysUsedWhenPurged", aUsedProofStaysUsedWhenPurged, false},
	{"OneOf200EnrolsAnInvitation", oneOf200EnrolsAnInvitation, true},
	{"AClosedInvitationEnrolsNobody", aClosedInvitationEnrolsNobody, false},
	{"EnrolmentIsKeptWholeOrNotAtAll", enrolmentIsKeptWholeOrNotAtAll, false},
	{"OwnLinksEndWithSessionsAndPasskeys", ownLinksEndWithSessionsAndPasskeys, false},
	{"TriesOfAnInvitationAreCounted", triesOfAnInvitationAreCounted, true},
	{"OneOf200OpensARequest", oneOf200OpensARequest, true},
	{"OneOf200WritesToAnAccount", oneOf200WritesToAnAccount, true},
	{"ARequestComesBackWhole", aRequestComesBackWhole, false},
	{"OneOf200ChangesTheState", oneOf200ChangesTheState, true},
	{"AnUpdateIsKeptWholeOrNotAtAll", anUpdateIsKeptWholeOrNotAtAll, false},
	{"OneOf200RequestsConsumesAProof", oneOf200RequestsConsumesAProof, true},
	{"AChangeEndsTheOtherSessions", aChangeEndsTheOtherSessions, false},
	{"RequestsAreMadeOnlyWhereACeremonyIsUnspent", requestsAreMadeOnlyWhereACeremonyIsUnspent, false},
	{"RequestsAreFound", requestsAreFound, false},
	{"DueRequestsAreFoundWhenTheirTimeHasCome", dueRequestsAreFoundWhenTheirTimeHasCome, false},
	{"ASeatFindsItsRequests", aSeatFindsItsRequests, false},
	{"OneOf200ReviewsConsumesAProof", oneOf200ReviewsConsumesAProof, true},
	{"AFreezeIsKeptWithItsChangeAndOnce", aFreezeIsKeptWithItsChangeAndOnce, false},
	{"OneOf200LiftsAFreeze", oneOf200LiftsAFreeze, true},
	{"AnOwnFreezeIsKeptWholeOrNotAtAll", anOwnFreezeIsKeptWholeOrNotAtAll, false},
	{"OneOf200FreezesTheirOwn", oneOf200FreezesTheirOwn, true},
	{"AThawEndsWhatWasGivenBefore", aThawEndsWhatWasGivenBefore, false},
	{"AFreezeIsLiftedOnlyWhereThatIsMeant", aFreezeIsLiftedOnlyWhereThatIsMeant, false},
	{"AFrozenAccountsWaysInStayAsTheyAre", aFrozenAccountsWaysInStayAsTheyAre, false},
	{"AFreezeIsLiftedWholeOrNotAtAll", aFreezeIsLiftedWholeOrNotAtAll, false},
	{"AThawIsAskedForWholeOrNotAtAll", aThawIsAskedForWholeOrNotAtAll, false},
	{"ASecondFreezeTakesBackWhatWasAskedFor", aSecondFreezeTakesBackWhatWasAskedFor, false},
	{"ALinkOfLaterBeginsAFreezeAnewOnce", aLinkOfLaterBeginsAFreezeAnewOnce, false},
	{"ThoseWhoAskForAThawAreListedAndNoOther", thoseWhoAskForAThawAreListed, false},
	{"OneOf200Reminds", oneOf200Reminds, true},
	{"AHolderHasAPasskey", aHolderHasAPasskey, false},
	{"ANoticeComesBackWhole", aNoticeComesBackWhole, false},
	{"EachNoticeGoesToOneClaimer", eachNoticeGoesToOneClaimer, true},
	{"ALeaseThatIsOverIsClaimedAgain", aLeaseThatIsOverIsClaimedAgain, false},
	{"ANoticeFansOutOnce", aNoticeFansOutOnce, true},
	{"WhatIsFreeIsSeenBehindWhatIsHeld", whatIsFreeIsSeenBehindWhatIsHeld, true},
	{"ADeliveryComesBackWholeWhenItIsDue", aDeliveryComesBackWholeWhenItIsDue, false},
	{"EachDeliveryGoesToOneClaimer", eachDeliveryGoesToOneClaimer, true},
	{"OneOf200EndsADelivery", oneOf200EndsADelivery, true},
	{"ARetryGivesTheLeaseBack", aRetryGivesTheLeaseBack, false},
	{"WhatWasTakenTogetherEndsTogether", whatWasTakenTogetherEndsTogether, false},
	{"WhatWasNotTriedIsGivenBack", whatWasNotTriedIsGivenBack, false},
	{"OneMessageEndsWhatItSpeaksFor", oneMessageEndsWhatItSpeaksFor, false},
	{"ANoticeIsJudgedByItsOwnPushes", aNoticeIsJudgedByItsOwnPushes, false},
	{"WhatGoesToManyComesLast", whatGoesToManyComesLast, false},
	{"GivingUpPutsNextInItsPlaceOrNothing", givingUpPutsNextInItsPlaceOrNothing, false},
	{"ASubscriptionKnowsHowItsLastDeliveryEnded", aSubscriptionKnowsHowItsLastDeliveryEnded, false},
	{"WhatEndedIsForgottenLater", whatEndedIsForgottenLater, false},
	{"ASubscriptionComesBackWhole", aSubscriptionComesBackWhole, false},
	{"ManySubscriptionsComeBackAtOnce", manySubscriptionsComeBackAtOnce, false},
	{"ThoseOfManyAccountsComeBackTogether", thoseOfManyAccountsComeBackTogether, false},
	{"ASubscriptionIsRenewedByItsOwnerOnly", aSubscriptionIsRenewedByItsOwnerOnly, false},
	{"OnlyTheLimitOfSubscriptionsIsSaved", onlyTheLimitOfSubscriptionsIsSaved, true},
	{"ARemovedSubscriptionTakesItsDeliveries", aRemovedSubscriptionTakesItsDeliveries, true},
	{"OneOf200MakesTheFirstPushKey", oneOf200MakesTheFirstPushKey, true},
	{"TheLogVerifies", theLogVerifies, true},
	{"AFailedEventFailsItsChange", aFailedEventFailsItsChange, true},
	{"ErasedValuesAreGoneAndTheLogVerifies", erasedValuesAreGoneAndTheLogVerifies, false},
	{"AnExportIsOneMoment", anExportIsOneMoment, false},
	{"ABucketRefills", aBucketRefills, false},
	{"TheBurstIsSharedBy200", theBurstIsSharedBy200, true},
	{"TokensAreTakenTogetherOrNot", tokensAreTakenTogetherOrNot, false},
	{"ACallerThatGaveUpChangesNothing", aCallerThatGaveUpChangesNothing, false},
	{"APanicStaysInItsClosure", aPanicStaysInItsClosure, true},
	{"AClosedStoreRefuses", aClosedStoreRefuses, false},
}

type suite struct {
	*testing.T
	Store
	other  Store // the same one, or another on the same database
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

// race calls fn from n goroutines at once, on both stores in turn, and counts the
// nil errors; every other error must be one of lost.
func (s *suite) race(n int, fn func(s *suite, i int) error, lost error) (won int) {
	s.Helper()
	there := *s
	there.Store = s.other
	on := []*suite{s, &there}
	start, errs := make(chan struct{}), make(chan error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			errs <- fn(on[i%2], i)
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
