// Package server is the HTTP edge: one route table with its guards, handlers
// that decode, call and encode, the session cookie, the client address, limits,
// problem documents (RFC 9457), live events, photos made safe, and the web app's
// files.
//
// A request passes, in this order:
//
//	edge     correlation id, security headers, Host, target, method; the access log
//	guard    same origin, session, limits, JSON: what its row of the table names
//	handler  typed through huma, or plain; returns a value or an error
//	problem  the one place that turns an error into an answer
//
// One route does not end with its handler: GET /api/live (live.go) is a stream
// of events. The store tells a Broker which requests changed, and the Broker the
// streams of their people. It is told an id and a version, never what changed.
//
// A route that is not in the table does not exist, and a row without a guard is
// refused at start. The package holds no rule of the product: enroll says who
// somebody is, workflow says what may be done.
//
// It never trusts X-Forwarded-Host or X-Forwarded-Proto, never builds a link from
// a request, never echoes what was sent, and never logs a query, body, cookie or
// token.
package server
