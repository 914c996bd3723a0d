// Package minidc is a small Active Directory domain controller in memory: an
// LDAP server for the demo and for quick tests. It imitates what a real Samba
// controller answers, down to the codes and texts, on everything that
// Latchkey does, and is held to it by the shared suite in ad/conformance.
//
// The map:
//
//   - Server (server.go) is one controller; Join makes another one of the same
//     domain. What replicates lives in directory (directory.go); what doesn't
//     (badPwdCount, badPasswordTime) lives in the Server.
//   - wire.go bounds and decodes messages, conn.go serves one connection,
//     fault.go breaks things on demand.
//   - bind.go decides who may sign in and counts bad passwords; password.go
//     and policy.go hold the rules of unicodePwd; access.go the rights.
//   - search.go, filter.go, page.go and constructed.go read; modify.go, add.go
//     and rename.go write. Every write is all or nothing.
//   - schema.go lists the attributes and classes that exist; seed.go the
//     objects that every domain has; company.go and portrait.go made-up people for the
//     demo.
//
// Where it differs from Samba on purpose, none of it on a person's path:
//
//   - an unsupported critical control is answered with code 12, as Windows
//     does; Samba sends an answer of the wrong kind;
//   - policy hints, when Config offers them, are Windows' alone;
//   - a failed bind makes the connection anonymous, as RFC 4513 (4) says; Samba
//     keeps the identity of the bind before;
//   - an old password never binds: Samba's "old password allowed period" is 0;
//   - a lockout ends to the moment, on Samba to the whole second;
//   - access rights are given with Delegate, Allow and Deny; nTSecurityDescriptor can
//     be read but not written, and has no SACL;
//   - the schema is a short list, in which each attribute has its name and no more, and
//     which can't be added to; there are no DNS partitions, and DirSync,
//     virtual list views, extended names and deleted objects are not offered.
//
// It never was meant to guard anything: passwords are kept in memory as they
// are, there is no persistence, no replication lag, no Kerberos.
package minidc
