// Package push reaches people: web push first, mail where push can't, and the
// words of every message. workflow and enroll only say that somebody is to be
// told, and of what; this package resolves address and language from the directory
// when it sends.
//
//	notice → deliveries (fan.go): one per device, and one by mail, which waits a
//	         minute where a device may do; it is also the one that knows when
//	         nobody was reached
//	delivery → sent | again later | given up (outbox.go)
//
// A device belongs to the signed-in person who subscribed it (devices.go). What it
// is sent (message.go, words.go) says that something waits and opens the page, is
// encrypted for that browser (send.go), signed with the key that the browser was
// told (vapid.go), and leaves only through a client that can't be pointed at
// anything but a push service (guard.go). Mail leaves over verified TLS (mail.go).
//
// Every message is sent at least once: a crash between sending and writing that
// down sends it again under the same topic, tag and message id, which replaces the
// first. Nothing here decides, and no message carries a secret.
package push
