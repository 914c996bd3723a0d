package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// left are the files that no mutant is made in.
var left = []struct {
	dir, because string
	files        []string
}{
	{"workflow", "they find what is wrong for whoever runs the server, and serve nobody", []string{"doctor.go", "doctorgroups.go", "doctornames.go"}},
	{"workflow", "they name and tell, and decide nothing", []string{"actor.go", "errors.go", "events.go", "settings.go"}},

	{"enroll", "they name and tell, and decide nothing", []string{"behind.go", "client.go", "errors.go", "events.go", "settings.go", "store.go", "tell.go"}},

	{"ad", "they find what is wrong for whoever runs the server, and serve nobody", []string{
		"access.go", "doctor.go", "doctorbind.go", "doctorcontrol.go", "doctordns.go", "doctorkinds.go", "doctormend.go",
		"doctornamed.go", "doctorpolicy.go", "doctorprotected.go", "doctorreach.go", "doctorrights.go", "doctorroot.go",
		"doctorservice.go", "doctortls.go",
	}},
	{"ad", "they carry to a controller and back, whoever is meant", []string{
		"client.go", "config.go", "conn.go", "controller.go", "controls.go", "dial.go", "discover.go", "gate.go", "order.go", "pool.go", "rootdse.go", "roster.go",
	}},
	{"ad", "they read and write what the directory's values look like; who is protected by them is asked in protect.go", []string{
		"account.go", "descriptor.go", "entry.go", "filetime.go", "filter.go", "guid.go", "logonhours.go", "sid.go",
	}},
	{"ad", "they read what people are told, or sent, or held to by the directory itself", []string{"contact.go", "everybody.go", "expiring.go", "policy.go"}},
	{"ad", "they name and tell, and decide nothing", []string{"causes.go", "doc.go", "errors.go"}},

	{"db", "they find what is wrong for whoever runs the server, and serve nobody", []string{"doctor.go", "doctordata.go", "doctorpostgres.go"}},
	{"db", "they open, carry, copy and seal, whatever stands in the rows", []string{
		"copy.go", "db.go", "decoded.go", "dialect.go", "direct.go", "file_other.go", "file_unix.go", "listen.go", "migrate.go", "postgres.go", "present.go",
		"reader.go", "remote.go", "reseal.go", "seal.go", "sealed.go", "servers.go", "space_linux.go", "space_other.go", "statement.go", "tx.go", "writer.go",
	}},
	{"db", "they keep the log, and what is told of it", []string{"append.go", "deliveries.go", "log.go", "newest.go", "outbox.go", "subscriptions.go", "tell.go"}},

	{"config", "they find what is wrong for whoever runs the server, and serve nobody", []string{"doctor.go", "doctorkeys.go"}},
	{"config", "they say where the server, its database and the directory are reached, and for whom is no matter there", []string{
		"alerts.go", "backup.go", "database.go", "domains.go", "reach.go", "tls.go",
	}},
	{"config", "they read, write and explain the file", []string{
		"changed.go", "config.go", "example.go", "policy.go", "problem.go", "schema.go", "schema_mistakes.go", "schema_texts.go", "shape.go",
	}},

	{"server", "they find what is wrong for whoever runs the server, and serve nobody", []string{"doctor.go", "doctorurl.go", "doctorvisit.go"}},
	{"server", "they pass on what workflow and enroll decide: each of their branches is an error of those", []string{
		"devices.go", "enrol.go", "freeze.go", "me.go", "moreproofs.go", "passkeys.go", "proofs.go", "requests.go", "resync.go", "reviews.go", "signin.go",
	}},
	{"server", "they read requests and write answers, whoever asks; what may be asked without a session, the tests of the table of routes say", []string{
		"address.go", "body.go", "call.go", "causes.go", "cookie.go", "device.go", "encode.go", "encode_review.go", "headers.go", "memory.go", "openapi.go",
		"page.go", "photo.go", "problem.go", "qr.go", "routes.go", "shapes.go", "shapes_review.go", "static.go", "title.go",
	}},
	{"server", "they listen, wait and tell the server's own state", []string{
		"broker.go", "certificate.go", "config.go", "deps.go", "doc.go", "edge.go", "health.go", "linger.go", "live.go", "patience.go", "server.go", "settings.go", "witness.go",
	}},
}

// A new file that decides about people can't be forgotten: it is mutated, or somebody
// has said why not.
func TestEveryFileIsMutatedOrLeftOutWithAReason(t *testing.T) {
	root, err := rootOf("")
	if err != nil {
		t.Fatal(err)
	}
	stands := map[string]int{}
	for _, target := range targets {
		for _, name := range target.files {
			stands[target.dir+"/"+name]++
		}
	}
	for _, l := range left {
		if l.because == "" {
			t.Errorf("%s %v without a reason", l.dir, l.files)
		}
		for _, name := range l.files {
			stands[l.dir+"/"+name]++
		}
	}
	for _, dir := range []string{"workflow", "enroll", "ad", "db", "config", "server"} {
		names, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %v", dir, names, err)
		}
		for _, name := range names {
			name = dir + "/" + filepath.Base(name)
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			switch stands[name] {
			case 0:
				t.Errorf("%s stands in no list: add it to targets, or to left with the reason", name)
			case 1:
			default:
				t.Errorf("%s stands in %d lists", name, stands[name])
			}
			delete(stands, name)
		}
	}
	for name := range stands {
		t.Errorf("%s is not there", name)
	}
}
