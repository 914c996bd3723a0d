package config

import "strings"

// mistakes say what goes wrong where a key is wrong or left out. Each stands in the
// text of its key, too: in example.yaml, or behind what furtherTexts says.
var mistakes = map[string]string{
	"listen":          "Only a proxy on this machine reaches it, so that nobody speaks to Latchkey without TLS by accident.",
	"public_url":      "Its host is the relying party ID: passkeys are bound to it for good, so choose a name that stays.",
	"organisation":    "It tells them that they are in the right place.",
	"data":            "It is made with mode 0700; back it up as a whole.",
	"trusted_proxies": "Naming too much lets anybody forge the address that limits count by.",
	"limit_factor":    "Set it to about the number of people who share one address (an office behind one gateway), so that they don't use up each other's tries.",

	"database.dsn_file": "A DSN in this file would be a password that everybody reads who may read the configuration.",
	"database.dsn_env":  "Whoever may look into the process's environment reads it: a file is safer.",

	"tls.cert_file":           "Both are read again when they change; a pair that does not fit, or is for another name, is logged and the old one stays.",
	"tls.key_file":            "Whoever has it can stand in for the server.",
	"tls.acme.terms_accepted": "Required: nobody else can accept them for you.",
	"tls.acme.directory":      "Let's Encrypt gives no certificate to a server that it can't reach from outside.",
	"tls.acme.contact":        "Default: nobody, so that nobody hears of a certificate that is withdrawn.",
	"tls.acme.ca_file":        "Without it a server of your own is not trusted, and no certificate comes.",

	"support.name":  "Without it people who are stuck ask a colleague for theirs.",
	"support.phone": "Whoever is locked out reads no mail: with a mail alone they reach nobody.",
	"support.mail":  "Where it is a mailbox that nobody reads, alerts of frozen accounts go there.",
	"support.hours": "Without them people call at night, and think that nobody helps.",

	"directory.domain":           "Only hosts directly in the domain are, with a verified certificate for that name, so that a forged answer of DNS leads nowhere.",
	"directory.site":             "Without it a server may ask a controller at the other end of the world.",
	"directory.dns":              "For a server whose own DNS does not know the domain.",
	"directory.controllers":      "Use host names: certificates carry names.",
	"directory.ca_file":          "Verification can't be switched off: passwords go over this line.",
	"directory.base_dn":          "Too narrow, and people outside exist for nobody.",
	"*.bind":                     "An account of a person stops everything on the day its owner leaves or changes the password.",
	"*.password_file":            "A password in the configuration would be everybody's who may read that.",
	"*.password_env":             "Whoever may look into the process's environment reads it: a file is safer.",
	"directory.protected_groups": "Name the people whose account would open more than their own door.",
	"directory.protected_ous":    "An approver could otherwise let somebody set a password that opens your servers.",
	"directory.tls":              "Plain LDAP does not exist here.",
	"directory.timeout":          "A silent controller costs this long before the next one is asked.",
	"directory.domains":          "No referral is followed, so the people of a domain that is not here exist for nobody.",
	"directory.location_attribute": "It must be one that people can't write themselves: AD lets everybody edit " +
		"their own city (l), state (st) and office (physicalDeliveryOfficeName), so those are refused, lest somebody move into a policy that asks less.",

	"enrolment.password":         "Without it, whoever holds the link is taken for the person.",
	"enrolment.invitation_valid": "The longer it lies in a mailbox, the likelier somebody else opens it.",
	"sessions.idle":              "Too long, and whoever finds the browser open is signed in as its owner.",
	"sessions.absolute":          "Without an end a stolen cookie would be good for as long as somebody uses it.",
	"sessions.short":             "On a shared machine the next one who sits down would find the account open.",

	"passwords.strength":      "The directory's own rules come first; this refuses \"Summer2026!\" that they let through.",
	"passwords.banned":        "Without them the first password that an attacker tries is the company's name.",
	"passwords.banned_file":   "A list in two places is soon two lists: keep a long one there alone.",
	"passwords.breached_file": "Without it people take passwords that attackers try first.",

	"requests.approved": "Too long, and the password is set hours later by whoever sits at that browser then.",
	"requests.watch":    "Without it nobody is told that a device with the old password has locked the account again.",
	"requests.review":   "A request that nobody answers ends by itself; none stays open for good.",

	"push.subject": "Apple refuses everything where this is made up (localhost, .local, .invalid), in words that do not say so.",
	"push.hosts":   "Messages go to these hosts and to no others, so that nobody can make the server call inside your network.",
	"push.proxy":   "Default: none; the environment's is never used.",
	"push.ca_file": "Without it, behind such a proxy, no notification leaves.",

	"mail.host":    "Without it approvers whom push can't reach hear of nothing, and requests end unanswered.",
	"mail.port":    "On a port that speaks something else no mail leaves.",
	"mail.from":    "A sender that the mail server does not know is refused, and nobody is told anything.",
	"mail.tls":     "Names never travel in clear.",
	"mail.user":    "A mail server that asks for a sign-in refuses every mail without it.",
	"mail.ca_file": "Without it a mail server with a certificate of your own authority is not trusted, and no mail leaves.",

	"reminders.password_expiry": "Without reminders people learn that a password has ended when they can't sign in.",
	"reminders.to":              "Mail to people who never heard of Latchkey looks like an attack.",
	"alerts.mail":               "An alert that nobody reads in the night is for the morning: name a mailbox that somebody watches.",
	"secrets.key_file":          "Back it up apart from the database: together they open what apart they protect.",
	"backup.files":              "Without it nobody is told that backups have stopped.",
	"backup.within":             "Too long, and days pass before anybody hears that they have stopped; too short, and it warns each day.",
	"log.level":                 "At error nobody sees what came before a fault; debug writes so much that nobody finds it.",
	"log.format":                "A collector that expects the other one takes nothing apart.",

	"approvers":         "A name that policies share is changed in one place, and a name that is not here is an error, so nobody is asked by mistake.",
	"approvers[].name":  "A name that says nothing is taken for another group in the next policy.",
	"approvers[].group": "An empty group approves nothing, and requests end unanswered.",

	"policies":                  "A group that can't be found is an error of its rule and denies, so a typing mistake never opens a door.",
	"policies[].name":           "Two of one name are refused: the log could not tell them apart.",
	"policies[].who":            "A condition that is too wide takes in people whom a later entry was for: the first match decides.",
	"*.prove":                   "A weak proof that is offered to everybody is what an attacker will use.",
	"*.approve":                 "Without it whoever has the proof is the only one who looks.",
	"*.number":                  "Without it an approver can be made to touch Approve for somebody whom they never spoke to.",
	"*.by":                      "A group that is too large makes nobody feel asked.",
	"*.group":                   "A group that can't be found is an error of its rule and denies, so a typing mistake never opens a door.",
	"*.within":                  "Too short, and requests end while the approver is in a meeting.",
	"*.else":                    "Without it people whose manager is missing could not reset at all.",
	"*.cool_down":               "Without it whoever adds a proof of their own to somebody's account uses it before its owner hears of it.",
	"*.independent":             "Two proofs on one phone are lost, and stolen, together; so are a password and a code to the mailbox that it opens.",
	"policies[].hold.must":      "Without it people learn on the day the phone is lost that they have nothing else.",
	"policies[].hold.may":       "What is offered to everybody has to be kept safe by everybody.",
	"policies[].hold.within":    "Without within or by it is due at once, before people had a chance to set it up.",
	"policies[].hold.by":        "A day in the past makes everybody overdue at once.",
	"policies[].hold.otherwise": "With limit people who overlooked the reminder can set no password until they hold it.",

	"proofs.mail_code.attribute":               "Attributes that people may edit themselves are refused: whoever has the account would send the codes to themselves.",
	"proofs.mail_code.verified":                "Without it people whose only address is the mailbox they can't open get no code.",
	"proofs.sms_code.attribute":                "Attributes that people may edit themselves are refused, likewise.",
	"proofs.sms_code.verified":                 "Without it people without a number in the directory get no code.",
	"proofs.sms_code.countries":                "Required: without it somebody has them sent to numbers that pay the caller.",
	"proofs.sms_code.hourly":                   "Without a bound somebody has thousands sent, and you pay for them.",
	"proofs.sms_code.gateway.method":           "With another one than the gateway knows no code is sent.",
	"proofs.sms_code.gateway.url":              "Over plain http codes and the gateway's key could be read on the way.",
	"proofs.sms_code.gateway.headers":          "Without the type of the body, or the key, many gateways refuse everything.",
	"proofs.sms_code.gateway.body":             "Where number and text stand neither here nor in url or headers, no code arrives.",
	"proofs.sms_code.gateway.secret_file":      "A key in this file would be everybody's who may read the configuration.",
	"proofs.sms_code.gateway.secret_env":       "Whoever may look into the process's environment reads it: a file is safer.",
	"proofs.sms_code.gateway.success.status":   "With too many of them a refusal counts as sent, and people wait for a code that never comes.",
	"proofs.sms_code.gateway.success.contains": "Many gateways answer 200 and say in the text that they did nothing.",
	"proofs.sms_code.gateway.timeout":          "Too short, and codes that a slow gateway does send count as failed.",
	"proofs.pin.digits":                        "Fewer digits are guessed sooner.",
	"proofs.questions.ask":                     "Fewer answers are looked up sooner.",
	"proofs.questions.list":                    "An answer stays with its id; once a question is new here, nobody's answers prove anything until they have answered anew.",
	"proofs.questions.list[].id":               "An id that is used again for another question takes the old answers for it.",
	"proofs.questions.list[].en":               "One whose answer stands in a social network is answered by strangers.",
	"proofs.questions.list[].de":               "One that asks something else than the English text gets other answers.",
	"proofs.hardware_key.roots_file":           "Without them anything could call itself a security key.",
	"proofs.hardware_key.models":               "Without them a model that its maker has called back counts on.",
	"proofs.hardware_key.tpm":                  "Switched on without need, whoever controls a computer opens, even without its PIN, what only a security key should.",
	"proofs.directory.attribute":               "Whoever has the account would write another value into one that they can edit.",
	"proofs.directory.en":                      "People who don't understand which number is meant use up their tries.",
	"proofs.directory.de":                      "People who don't understand which number is meant use up their tries.",

	"who.everyone":        "Whatever stands behind such an entry is never reached, and is refused.",
	"who.group":           "One that can't be found denies.",
	"who.ou":              "One that can't be found, or was renamed, denies. Whoever may move accounts between OUs moves them between policies.",
	"who.department":      "Another spelling in the directory leaves its people to the next entry.",
	"who.company":         "Another spelling in the directory leaves its people to the next entry.",
	"who.location":        "Without that key it is refused: people could move themselves.",
	"who.not":             "Without it exceptions need an entry of their own that stands before.",
	"who.attribute":       "One that people edit is refused: they could move into a policy that asks less.",
	"who.attribute.name":  "One that does not exist, or can't be read, looks empty and matches nobody: config check --directory finds the first.",
	"who.attribute.value": "A part of the value matches nobody.",
	"who.network":         "Behind a proxy that trusted_proxies does not name, everybody has the proxy's address.",
	"who.hours.days":      "A night that begins on Friday is Friday's, also after midnight.",
	"who.hours.from":      "Without quotation marks YAML may read it as a number.",
	"who.hours.to":        "Without quotation marks YAML may read it as a number.",
	"who.hours.zone":      "The machine's own zone is often UTC, and an hour or two beside the clock on the wall.",
	"who.state":           "A state may change before the last step, and then another entry decides.",
	"who.new_device":      "It says nothing about people who never signed in: each browser is new to them.",
	"who.any":             "An empty list is refused: it would match nobody.",
	"who.all":             "One condition that can't be checked denies.",
}

// withMistake is a text with what its key prevents.
func withMistake(text, key string) string {
	m := lookUp(mistakes, own(key))
	if text == "" || m == "" || strings.Contains(text, m) {
		return text
	}
	return text + " " + m
}

// own is a key of one domain of several as that of the only one.
func own(key string) string { return strings.Replace(key, "directory.domains[].", "directory.", 1) }
