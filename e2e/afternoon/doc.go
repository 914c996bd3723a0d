// Package afternoon holds the documentation to the truth. Its test is the IT owner
// who reads docs/install.md and types what stands there, on a machine of its own
// (namespaces of the kernel: own files, own network, own processes) before a Samba
// domain that was provisioned a moment ago; then whoever runs Latchkey with the
// other pages open. No command is copied here: the pages are parsed.
//
//	pages_test.go     reads the pages: fenced blocks, inline commands
//	machine_test.go   the machine, and who types on it
//	services_test.go  what stands in for systemd there
//	domain_test.go    the domain, its people, and the network around the machine
//	docs_test.go      the journey: install, the doctor, an unlocked account
//	operate_test.go   backup, restore, reload, keys, freezes, log, demo
//	move_test.go      PostgreSQL
//	complete_test.go  nothing that somebody could type was left out
//	rights_test.go    the lines for Windows say the same as those for Samba
//	flags_test.go     every subcommand and flag of the pages exists
package afternoon
