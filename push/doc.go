// Package push reaches people: web push first, mail where push can't, and the
// words of every message. workflow and enroll only say that somebody is to be
// told, and of what; this package resolves address and language from the directory
// when it sends.
package push
