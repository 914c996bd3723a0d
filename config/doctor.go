package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/latchkey/latchkey/doctor"
)

// What Doctor finds in the file and around it.
var (
	FoundUnreadable = doctor.Kind{ID: "config.unreadable", Severity: doctor.Failure, Why: "Without its configuration the server does not start."}
	FoundProblem    = doctor.Kind{ID: "config.problem", Severity: doctor.Failure, Why: "The server does not start with a mistake in the file, so that none is learned from the first person who is locked out."}
	FoundOrg        = doctor.Kind{ID: "config.organisation", Severity: doctor.Failure, Why: "The first screen has to say whose it is: people give nothing to a page that could be anybody's."}
	FoundSupport    = doctor.Kind{ID: "config.support", Severity: doctor.Failure, Why: "Every error says whom to ask. Without that a person who can't be helped stands before a dead end."}
	FoundPublicURL  = doctor.Kind{ID: "config.public-url", Severity: doctor.Failure, Why: "Passkeys are bound to this host name. Browsers make none for an address, a single word, or a page without TLS."}
	FoundSecretFile = doctor.Kind{ID: "config.service-password", Severity: doctor.Failure, Why: "A service password that can't be read, or that everybody on the machine can read, keeps the server from starting."}
	FoundSubject    = doctor.Kind{ID: "config.push-subject", Severity: doctor.Failure, Why: "Push services refuse messages of a sender whom they can't write to; Apple's refuses without saying why."}
	FoundMailClear  = doctor.Kind{ID: "config.mail-clear", Severity: doctor.Failure, Why: "Names and links in a mail would cross the network for everybody to read."}
	FoundNoPolicies = doctor.Kind{ID: "config.no-policies", Severity: doctor.Failure, Why: "No rule means no: nobody could do anything."}

	FoundWritable    = doctor.Kind{ID: "config.writable", Severity: doctor.Failure, Why: "Whoever may write this file decides who may reset whose password."}
	FoundDirWritable = doctor.Kind{ID: "config.directory-writable", Severity: doctor.Failure, Why: "Whoever may write the directory can put another configuration in the place of this one."}
	FoundLocalhost   = doctor.Kind{ID: "config.localhost", Severity: doctor.Note, Why: "Only browsers on this very machine reach it, and passkeys made now are of no use under the real name later."}
	FoundPort        = doctor.Kind{ID: "config.public-port", Severity: doctor.Note, Why: "Phone networks and guest networks often let only port 443 through, and people forget a number behind a name."}
	FoundPrivateName = doctor.Kind{ID: "config.private-name", Severity: doctor.Note, Why: "No public authority makes certificates for such a name, and phones outside the network don't find it: exactly where people are who are locked out."}
	FoundListenOpen  = doctor.Kind{ID: "config.listen-open", Severity: doctor.Warning, Why: "The server speaks without TLS here. Whoever reaches the port past the proxy does so in clear."}
	FoundNoProxy     = doctor.Kind{ID: "config.proxy-missing", Severity: doctor.Warning, Why: "Behind a proxy that is not named everybody has the proxy's address: one person's wrong tries use up everybody's, and the log can't say who it was."}
	FoundProxyWide   = doctor.Kind{ID: "config.trusted-wide", Severity: doctor.Warning, Why: "Every machine in the range may claim any client address, and so escape the limits and lay a false trail in the log."}
	FoundLimit       = doctor.Kind{ID: "config.limit-factor", Severity: doctor.Note, Why: "One address may try that much more often before it is slowed down."}

	FoundSessionLong  = doctor.Kind{ID: "config.session-long", Severity: doctor.Warning, Why: "A browser that is left open stays signed in for that long."}
	FoundSessionOrder = doctor.Kind{ID: "config.session-order", Severity: doctor.Warning, Why: "The larger value has no effect, so one of the two is not what was meant."}
	FoundApproved     = doctor.Kind{ID: "config.approved-long", Severity: doctor.Warning, Why: "An approved reset waits that long for its owner's new password; whoever gets hold of the open page has as long."}
	FoundWatch        = doctor.Kind{ID: "config.watch-off", Severity: doctor.Note, Why: "An account that locks again because an old password is stored somewhere is the commonest second call; nobody is told then."}
	FoundInvitation   = doctor.Kind{ID: "config.invitation-password", Severity: doctor.Warning, Why: "Whoever holds an enrolment link is taken for the person: a forwarded mail is enough."}
	FoundInviteLong   = doctor.Kind{ID: "config.invitation-long", Severity: doctor.Warning, Why: "A link that lies about for weeks is found by somebody else."}
	FoundStrength     = doctor.Kind{ID: "config.strength-off", Severity: doctor.Warning, Why: `"Summer2026!" passes the directory's own rules, and is what attackers try first.`}
	FoundDebug        = doctor.Kind{ID: "config.log-debug", Severity: doctor.Note, Why: "The log grows fast. It holds no secret at any level."}
	FoundMailNone     = doctor.Kind{ID: "config.mail-none", Severity: doctor.Warning, Why: "Policies ask approvers, and one whose phone takes no notification hears of nothing until they happen to look."}
	FoundAlertsNone   = doctor.Kind{ID: "config.alerts-none", Severity: doctor.Warning, Why: "Whoever runs this server hears of a frozen account, and of somebody who tries many names, only by reading the log."}
)

// Kinds are all that Doctor finds.
var Kinds = []doctor.Kind{
	FoundUnreadable, FoundProblem, FoundOrg, FoundSupport, FoundPublicURL, FoundSecretFile, FoundSubject, FoundMailClear, FoundNoPolicies,
	FoundWritable, FoundDirWritable, FoundLocalhost, FoundPort, FoundPrivateName, FoundListenOpen, FoundNoProxy, FoundProxyWide, FoundLimit,
	FoundSessionLong, FoundSessionOrder, FoundApproved, FoundWatch, FoundInvitation, FoundInviteLong, FoundStrength, FoundDebug, FoundMailNone, FoundAlertsNone,
	FoundRoots, FoundRootEnds,
}

// Doctor reads a file, reports what is wrong with it, and returns it as far as it
// can be read; ok is false where nothing can. What is returned may hold mistakes:
// it is for further checks, and not for a server.
func Doctor(path string, r *doctor.Report) (c Config, ok bool) {
	text, err := os.ReadFile(path)
	if err != nil {
		r.Found(FoundUnreadable, path, err.Error(), readable(path, err))
		return Config{}, false
	}
	doctorFile(path, r)
	c, found := parseAll(path, text)
	for _, p := range found {
		reportProblem(r, path, p)
	}
	if c.hash == "" {
		return Config{}, false
	}
	if len(found) == 0 {
		r.Good("config.file", path, fmt.Sprintf("It can be read and holds no mistake: %d policies for %s.", len(c.Policies), c.PublicURL))
	}
	c.doctorAddress(r)
	c.doctorTimes(r)
	c.doctorWays(r)
	c.doctorRoots(r, time.Now())
	return c, true
}

func readable(path string, err error) doctor.Line {
	if errors.Is(err, fs.ErrNotExist) {
		return doctor.Line{Tool: doctor.Shell, Text: "latchkey config example > " + path}
	}
	return doctor.Line{Tool: doctor.Shell, Text: "chmod u=rw,go=r " + path}
}

// parseAll keeps what Parse throws away at the first kind of mistake. A file that
// is no configuration at all has no hash.
func parseAll(name string, text []byte) (Config, Problems) {
	good, err := Parse(name, text)
	if err == nil {
		return good, nil
	}
	var found Problems
	if !errors.As(err, &found) {
		return Config{}, Problems{{File: name, Line: 1, Column: 1, What: err.Error()}}
	}
	c := Default()
	if len(text) > maxFile || yaml.UnmarshalWithOptions(text, &c, yaml.Strict()) != nil {
		return Config{}, found
	}
	c.hash = hashOf(text)
	return c, found
}

// problemKinds are the mistakes with a kind of their own, by key.
var problemKinds = map[string]doctor.Kind{
	"organisation": FoundOrg, "support": FoundSupport, "public_url": FoundPublicURL, "policies": FoundNoPolicies,
	"push.subject": FoundSubject, "support.mail": FoundSubject, "mail.tls": FoundMailClear,
}

// rightLines are what is to stand there, by kind.
var rightLines = map[string]string{
	FoundOrg.ID:        "organisation: Your Company",
	FoundSupport.ID:    "support: {name: IT Service Desk, mail: servicedesk@your-domain.example}",
	FoundPublicURL.ID:  "public_url: https://latchkey.your-domain.example",
	FoundNoPolicies.ID: "policies: [{name: staff, who: {everyone: true}, unlock: {prove: [passkey]}}]",
	FoundSubject.ID:    "push: {subject: servicedesk@your-domain.example}",
	FoundMailClear.ID:  "mail: {tls: starttls}",
	FoundSecretFile.ID: "password_file: /etc/latchkey/FILE-THAT-OTHERS-CAN-NOT-READ",
}

func reportProblem(r *doctor.Report, path string, p Problem) {
	kind, named := problemKinds[p.Key]
	switch {
	case p.Key == "secrets.key_file": // the check of the key says it
		return
	case p.Key == "proofs.hardware_key.roots_file": // doctorRoots says it
		return
	case strings.HasSuffix(p.Key, ".password_file"), strings.HasSuffix(p.Key, ".password_env"):
		kind = FoundSecretFile
	case !named:
		kind = FoundProblem
	}
	mend := []doctor.Line{
		{Tool: doctor.Shell, Text: fmt.Sprintf("${EDITOR:-vi} +%d %s", p.Line, path)}, {Tool: doctor.Shell, Text: "latchkey config check " + path},
	}
	if right := rightLines[kind.ID]; right != "" {
		mend = append(mend, line("%s", right))
	}
	r.Found(kind, fmt.Sprintf("%s:%d:%d", path, p.Line, p.Column), strings.TrimPrefix(p.Key+": ", ": ")+p.What, mend...)
}

// doctorFile looks at who may change the file. It holds no secret, so reading it
// is nobody's harm.
func doctorFile(path string, r *doctor.Report) {
	good := true
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o022 != 0 {
		good = false
		r.Found(FoundWritable, path, fmt.Sprintf("Others than its owner may write it (mode %v).", info.Mode().Perm()),
			doctor.Line{Tool: doctor.Shell, Text: "chmod go-w " + path})
	}
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		good = false
		r.Found(FoundDirWritable, dir, fmt.Sprintf("Others than its owner may write it (mode %v).", info.Mode().Perm()),
			doctor.Line{Tool: doctor.Shell, Text: "chmod go-w " + dir})
	}
	if good {
		r.Good("config.access", path, "Nobody but its owner may change it.")
	}
}
