package config

import (
	"reflect"
	"regexp"
	"strings"
)

// furtherTexts are of keys that example.yaml explains together with others: above
// the first of them, or above the section.
var furtherTexts = map[string]string{
	"support.name":                        "Whom to ask, as people know them. Required.",
	"support.phone":                       "Their phone number. Default: none; a phone or a mail is required.",
	"support.mail":                        "Their mail address. Default: none; a phone or a mail is required.",
	"support.hours":                       "When they can be reached, in words. Default: not said.",
	"database.dsn_file":                   "File with the DSN of a PostgreSQL database, which others must not be able to read. Default: the SQLite file in data.",
	"database.dsn_env":                    "Environment variable with the DSN. This or dsn_file. Default: none.",
	"tls.key_file":                        "The certificate's key, which others must not be able to read. Default: none.",
	"directory":                           "How to reach Active Directory. Required.",
	"*.bind":                              "The account's name: user@domain, DOMAIN\\name or its DN. Required.",
	"*.password_file":                     "File with the account's password, which others must not be able to read. This or password_env. Default: none.",
	"*.password_env":                      "Environment variable with the account's password. This or password_file. Default: none.",
	"directory.protected_ous":             "OUs whose people Latchkey never acts for. Default: none.",
	"enrolment":                           "How passkeys are registered.",
	"sessions":                            "How long a sign-in lasts.",
	"passwords":                           "What Latchkey asks of a password beside the directory.",
	"requests":                            "The times of a request.",
	"reminders":                           "What people hear of without having asked.",
	"secrets":                             "The key for what the database keeps sealed.",
	"log":                                 "The server's own log, on standard error.",
	"approvers[].name":                    "The short name, for by and else. Not \"manager\". Required.",
	"approvers[].group":                   "DN of the group. Nested members count. Required.",
	"policies[].name":                     "Stands in every decision and in the log. Required.",
	"policies[].who":                      "Whom the entry is for. All keys that are set must match. Required.",
	"policies[].unlock":                   "Lifting a lockout. Default: not allowed.",
	"policies[].reset":                    "A new password without the old one. Default: not allowed.",
	"policies[].change":                   "A new password with the old one. Default: not allowed.",
	"policies[].one-time":                 "A password that Latchkey makes and shows once. Default: not allowed.",
	"policies[].enrol":                    "A new passkey for whoever has none at hand: the phone is lost. Default: not allowed.",
	"policies[].hold":                     "What the entry's people set up before they need it. Default: nothing is asked, and whatever a policy takes is offered.",
	"policies[].hold.must":                "Proofs that they have to hold. Default: none.",
	"policies[].hold.may":                 "What else they may set up. Default: whatever a policy takes.",
	"policies[].hold.within":              "How long they have from their first passkey on, such as 14d (1h to 366d). Default: no time.",
	"policies[].hold.by":                  "The day with whose beginning, in UTC, it is overdue, such as 2026-12-31. This or within. Default: none.",
	"policies[].hold.otherwise":           "What happens once it is overdue: remind, or limit (unlock and enrol, and no more). Default: remind.",
	"proofs.sms_code.attribute":           "The directory attribute with the number, as +49… Default: none.",
	"proofs.sms_code.verified":            "Whether people may verify a number of their own. Default: false.",
	"proofs.sms_code.gateway.secret_file": "File with the gateway's key, which others must not be able to read. Default: none.",
	"proofs.sms_code.gateway.secret_env":  "Environment variable with the gateway's key. Default: none.",
	"proofs.questions.list[].id":          "Answers are kept under it: small letters, digits and dashes. Required.",
	"proofs.questions.list[].en":          "The question in English. Required.",
	"proofs.questions.list[].de":          "The question in German. Required.",
	"proofs.directory.attribute":          "The directory attribute, which people must not be able to edit themselves. Required.",
	"proofs.directory.en":                 "What the page calls it in English. Required.",
	"proofs.directory.de":                 "What the page calls it in German. Required.",
	"*.cool_down":                         "How long after a proof was added, replaced or removed nothing of the kind is done without approval. Default: no wait.",
	"*.independent":                       "Whether two proofs of one alternative must not lie on the same thing. Default: true.",
	"who.everyone":                        "Matches every account. May stand beside not, and nothing else. Default: false.",
	"who.group":                           "DN of a security group; nested membership counts. One that can't be found denies. Default: not asked for.",
	"who.ou":                              "DN of an OU; those below it count. One that can't be found denies. Default: not asked for.",
	"who.department":                      "The department attribute, in any case of letters. Default: not asked for.",
	"who.not":                             "Takes out whoever matches this. Default: not asked for.",
	"who.company":                         "The company attribute, in any case of letters. Default: not asked for.",
	"who.location":                        "Where somebody works, as directory.location_attribute says. Default: not asked for.",
	"who.attribute":                       "Any directory attribute that people can't edit themselves; one of its values must equal. Default: not asked for.",
	"who.attribute.name":                  "Its name in the directory, such as employeeType. Required.",
	"who.attribute.value":                 "The whole value, in any case of letters. Required.",
	"who.network":                         "Networks (CIDR) of which one holds the client's address. Default: not asked for.",
	"who.hours":                           "Times of the day by a wall clock. A to before from is on the next day. Default: not asked for.",
	"who.hours.days":                      "Such as mon-fri or mon,wed: the days of from. Default: every day.",
	"who.hours.from":                      "Beginning, 00:00 to 23:59, in quotation marks. Required.",
	"who.hours.to":                        "End, which is not in: 00:00 to 24:00, in quotation marks. Required.",
	"who.hours.zone":                      "Time zone, such as Europe/Berlin. Required.",
	"who.state":                           "States of which the account has one: locked, expired, must-change, never-used. Default: not asked for.",
	"who.new_device":                      "Whether the browser has to be new to the account: no passkey signed in with it, on a device of one's own, a day ago or longer. Default: false.",
	"who.any":                             "Conditions of which at least one must match. Default: not asked for.",
	"who.all":                             "Conditions that must all match. Default: not asked for.",
	"*.prove":                             "Alternatives of proofs; \"a + b\" asks for both. Required.",
	"*.approve":                           "Who approves, beside the proof; one approval is enough. Default: nobody is asked.",
	"*.number":                            "When the approver types two digits that the requester's screen shows. Only beside approve. Default: weak-proof.",
	"*.by":                                "Who is asked: manager, a name of approvers, or {group: DN}. Required.",
	"*.by.group":                          "DN of the group whose members are asked. Required.",
	"*.within":                            "How long they have (1m to 72h). Default (0s, or left out): requests.review.",
	"*.else":                              "The group that is asked in place of a manager who can't be. Default: nobody.",
}

// exampleTexts are the comments of example.yaml by key, and furtherTexts.
func exampleTexts() map[string]string {
	r := textReader{texts: map[string]string{}}
	for line := range strings.Lines(string(Example)) {
		r.line(strings.TrimRight(line, "\n"))
	}
	for key, text := range furtherTexts {
		r.texts[key] = text
	}
	// A domain of several has the keys of the only one.
	for key, text := range r.texts {
		if own, ok := strings.CutPrefix(key, "directory."); ok && !strings.HasPrefix(own, "domains") && own != "timeout" {
			r.texts["directory.domains[]."+own] = text
		}
	}
	return r.texts
}

// textReader goes through the example. A key may be commented out; it is one when
// the structs know it where it stands.
type textReader struct {
	texts   map[string]string
	comment []string
	above   []step
}

type step struct {
	indent int
	key    string
}

var exampleKey = regexp.MustCompile(`^( *)(- )?(# )?([a-z][a-z_-]*):(?: |$)`)

func (r *textReader) line(line string) {
	if m := exampleKey.FindStringSubmatch(line); m != nil {
		indent := len(m[1]) + len(m[2])
		key := r.at(indent, m[4], m[2] != "")
		if m[3] == "" || known(key) {
			r.take(indent, key)
			return
		}
	}
	text, isComment := strings.CutPrefix(strings.TrimLeft(line, " "), "#")
	if !isComment {
		r.comment = nil
		return
	}
	r.comment = append(r.comment, strings.TrimSpace(text))
}

// at is the whole key of a name at an indent.
func (r *textReader) at(indent int, name string, item bool) string {
	above := ""
	for _, s := range r.above {
		if s.indent < indent {
			above = s.key
		}
	}
	if above == "policies" || above == "approvers" || item {
		above += "[]"
	}
	return below(above, name)
}

func (r *textReader) take(indent int, key string) {
	for len(r.above) > 0 && r.above[len(r.above)-1].indent >= indent {
		r.above = r.above[:len(r.above)-1]
	}
	r.above = append(r.above, step{indent, key})
	if _, ok := r.texts[key]; !ok && len(r.comment) > 0 {
		r.texts[key] = strings.Join(r.comment, " ")
	}
	r.comment = nil
}

// known says whether the structs have the key.
func known(key string) bool {
	t := reflect.TypeFor[Config]()
	for name := range strings.SplitSeq(key, ".") {
		name, list := strings.CutSuffix(name, "[]")
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return false
		}
		field, ok := fieldOf(t, name)
		if !ok {
			return false
		}
		if t = field.Type; list {
			if t.Kind() != reflect.Slice {
				return false
			}
			t = t.Elem()
		}
	}
	return true
}
