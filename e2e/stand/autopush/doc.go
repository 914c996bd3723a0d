// Package autopush is a stand-in push service. To a browser it speaks Mozilla's
// autopush protocol over a WebSocket, to an application server RFC 8030 over TLS
// under the name of Mozilla's service, as which the application server reaches it
// through a CONNECT proxy. It checks VAPID (RFC 8292) and the headers as a push
// service does, and can be told to fail in each way that push services fail.
//
//	server.go   what it is made of, and how it starts
//	agent.go    the browser's side: hello, register, notification, ack, unregister
//	deliver.go  the application server's side: POST /wpush/v2/TOKEN
//	vapid.go    who may send
//	receiver.go a subscription without a browser, that decrypts (RFC 8291)
//	fault.go    how it fails when told so
//	proxy.go    the CONNECT proxy in front
//	control.go  what tests ask of it, over HTTP on loopback
package autopush
