// Package push reaches people: web push first, mail where push can't, and the
// words of every message. workflow and enroll only say that somebody is to be
// told, and of what; this package resolves address and language from the directory
// when it sends.
//
// This version sends nothing yet. What workflow wants told (workflow.Notice) is
// committed with its change into the store's outbox, so that no notice is lost
// between a version that records and one that sends.
package push
