// Package ad is the Active Directory client: it reads accounts and password
// policies, checks a person's password, unlocks, resets and changes.
//
//	controller.go  one domain controller: address, rootDSE, state
//	dial.go        TLS with verified chain and host name, StartTLS, deadlines
//	conn.go        one operation on one connection, bounded by a context
//	pool.go        bound connections of one controller, health, both services
//	gate.go        the service account's bind: stop at code 49
//	client.go      Open, Close, Ready, failover
//	discover.go    controllers by DNS (SRV); roster.go: who joins, who leaves
//	forest.go      several domains as one; homes.go: which domain an account is in;
//	               outside.go: who is protected because of another domain
//	order.go       which controller is asked: writable, the PDC emulator first
//	resolve.go     a name to its objectGUID, a group to its SID
//	account.go     what is read of an account; read.go reads it
//	people.go      managers, members of groups, photos; expiring.go the paged job
//	protect.go     whom Latchkey never acts for; protectedset.go, own.go
//	policy.go      the resultant password policy
//	password.go    a person's own bind
//	access.go      what a security descriptor grants to somebody
//	doctor*.go     Doctor: what is wrong with the installation, and what mends it
//	write.go       unlock, reset, change: check again, write once, read back
//	causes.go      codes of the directory to the causes of errors.go
//
// A name is resolved once; everything after carries the objectGUID. A read may
// move to the next controller, a write only before it was sent. A referral is
// never followed. userAccountControl and userPassword are never written. Every
// value that comes back is hostile: bounded, and parsed without trust.
package ad
