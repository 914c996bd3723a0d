package main

import "regexp"

// target is a package whose deny branches are mutated. Names are below the root.
type target struct {
	dir   string
	files []string
	// suites are the packages whose tests may kill, the own one first.
	suites []suite
}

// suite is a package of tests.
type suite struct {
	dir string
	// quick narrows the first try to these subtests of tests that have some: engines
	// that need no start of their own. What survives it meets all of them.
	quick string
	// only names the tests that may kill, where others measure, or run themselves again as
	// somebody else; "" for all.
	only string
}

// targets is what decides who may do what, and for whom nothing is ever done.
var targets = []target{
	{
		dir: "workflow",
		files: []string{
			"approve.go", "approver.go", "attempt.go", "condition.go", "contradiction.go", "covers.go", "deny.go", "duty.go", "engine.go", "enrol.go", "evaluate.go",
			"execute.go", "expiry.go", "explain.go", "fit.go", "freeze.go", "freezelink.go", "gates.go", "hardware.go", "jobs.go", "lift.go", "look.go", "outcome.go",
			"own.go", "pending.go", "policy.go", "prove.go", "request.go", "resolve.go", "review.go", "reviews.go", "rules.go",
			"seated.go", "seats.go", "settle.go", "state.go", "statement.go", "stop.go", "store.go", "strength.go", "subject.go", "submit.go", "supersede.go", "thaw.go", "vouch.go", "watch.go", "ways.go",
		},
		suites: []suite{{dir: "workflow"}},
	},
	{
		dir: "enroll",
		files: []string{
			"anonymous.go", "answers.go", "asking.go", "assertion.go", "ceremony.go", "enroll.go", "factor.go", "hardware.go", "invitation.go", "memory.go", "passkeys.go",
			"address.go", "person.go", "pin.go", "questions.go", "recover.go", "sent.go",
			"recoverycode.go", "register.go", "response.go", "service.go", "session.go", "signin.go", "statement.go", "stepup.go", "totp.go", "tries.go",
			"vouching.go", "waiting.go",
		},
		suites: []suite{{dir: "enroll"}},
	},
	{
		dir:    "ad",
		files:  []string{"attributes.go", "exists.go", "forest.go", "forestmembers.go", "homes.go", "outside.go", "own.go", "password.go", "people.go", "protect.go", "protectedset.go", "read.go", "resolve.go", "write.go"},
		suites: []suite{{dir: "ad", quick: "^(minidc|forest.of.one)$"}},
	},
	// Every reading comes by it, so that any test could kill and all of them would be tried.
	{
		dir:    "ad",
		files:  []string{"dn.go"},
		suites: []suite{{dir: "ad", only: "^(Test|Fuzz)(Under|NamesOf)"}},
	},
	// What no policy may say.
	{
		dir:    "config",
		files:  []string{"approve.go", "check.go", "hardware.go", "hold.go", "nobody.go", "proofs.go", "secretfile.go", "who.go"},
		suites: []suite{{dir: "config"}},
	},
	// What was decided is looked at once more where it is kept, under the same lock.
	{
		dir:    "db",
		files:  []string{"browsers.go", "ceremonies.go", "credentials.go", "factors.go", "freezes.go", "invitations.go", "limits.go", "proofs.go", "replace.go", "requests.go", "reviews.go", "sessions.go"},
		suites: []suite{{dir: "db", only: "^Test(SQLite|AFailureAtAnyStatementChangesNothing|ABucketThatCantBeReadIsAnError|APasskeyThatIsNotWhatItWasIsReadAnew|ARowThatIsBrokenIsAnError|NoFieldOfARecordIsForgotten|AReadThatFailsIsAnError|AFreezeWhoseAuthorCantBeReadIsAnError|WithoutAKeyNothingSealedIsWrittenOrRead)$"}},
	},
	// Who gets through, and how often.
	{
		dir:   "server",
		files: []string{"crosssite.go", "guard.go", "limits.go", "recover.go", "vouching.go"},
		suites: []suite{{dir: "server", only: "^Test(ABurst|UnknownTokens|TheStoreCounts|AddressesHave|ATokenNever|OneIPv6|TheFactor|KeysIn|StrangersUse|OfMany|AClockThatWas" +
			"|TriesOf|GuessesOf|ABrowserIs|AnIPv6|AnswersOf|TheWaitFor|NewNetworks|AskingForAWordTellsNothingBy|WhatIsRefused|Spellings|AShared|AKnownB|OneNetwork|WhatNeigh" +
			"|OnlyOur|TwoOrigins|Bodies|TheCookie|AnUnknownS|TheSessionOut|ARefusedSignIn|Forget|EveryRouteAns|Anonymous|ARow" +
			"|ALocked|ALostPhone|AnAuthenticator|AChangedAuth|ASession|AWayInFor|AClockThatIs|ItIsMe|ASignInBy|AManagersWord|AWordIs|NobodyVouches|WhoeverWaits|AStop|WhoeverMayNot" +
			"|WhatIsProved|AWordThatIsNot|AnAskingIsCounted|TooManyNumbers|StrangersStand|AnApproverIsNot|WordsAnd|WhoseCode|AFailingStore|TriesThatCant|ARefusedWay|WhatAPageReads)"}},
	},
}

// refusing are functions whose true refuses.
var refusing = regexp.MustCompile(`^(isProtectedSID|holdsProtected|inChain|isRID|protectedElsewhere|consumed|past|faulty|weak|weaklyProved|IsZero)$`)
