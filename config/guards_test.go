package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey/latchkey/config"
)

// mistakes are those of a file, each as key: what.
func mistakes(text string) (all []string) {
	_, err := config.Parse("c.yaml", []byte(text))
	var found config.Problems
	errors.As(err, &found)
	for _, p := range found {
		all = append(all, p.Key+": "+p.What)
	}
	if err != nil && len(all) == 0 {
		all = append(all, err.Error())
	}
	return all
}

// only says whether these are the mistakes, each of which has the text that is wanted.
func only(got []string, want ...string) bool {
	return slices.EqualFunc(got, want, strings.Contains)
}

// Each rule of the file by a value just beyond it, and by one that is still good.
func TestWhatIsBeyondARuleOfTheFileIsRefused(t *testing.T) {
	const url = "public_url: https://latchkey.corp.example.test\n"
	value := func(n int) string {
		return "who: {attribute: {name: employeeType, value: " + strings.Repeat("v", n) + "}}; unlock: {prove: [passkey]}"
	}
	everyone := func(acts string) string { return "who: {everyone: true}; " + acts }
	totp := func(hold string) string { return everyone("unlock: {prove: [passkey, totp]}; hold: {" + hold + "}") }
	for name, c := range map[string]struct {
		policy, old, new string
		want             []string
	}{
		"no port to listen on":      {new: "listen: nowhere\n", want: []string{"listen: \"nowhere\" is no host:port"}},
		"no directory for the data": {new: "data: \"\"\n", want: []string{"data: is empty"}},
		"nobody to call":            {old: `{name: Desk, phone: "100"}`, new: "{name: Desk}", want: []string{"support: needs a name and a phone or mail"}},
		"a mailbox to write to":     {old: `{name: Desk, phone: "100"}`, new: "{name: Desk, mail: desk@corp.example.test}"},
		"a proxy without address":   {new: "trusted_proxies: [office]\n", want: []string{"trusted_proxies[0]: \"office\" is no address or network"}},
		"a name in place of a URL":  {old: url, new: "public_url: latchkey\n", want: []string{"public_url: \"latchkey\" is no URL"}},
		"a URL without a host":      {old: url, new: "public_url: \"https:latchkey.corp.example.test\"\n", want: []string{"is no URL"}},
		"a host with a blank":       {old: url, new: "public_url: \"https://a b\"\n", want: []string{"is no URL"}},
		"files of this machine":     {old: url, new: "public_url: ftp://localhost\n", want: []string{"must begin with https://"}},
		"this machine, without TLS": {old: url, new: "public_url: http://localhost\n"},
		"a URL in capital letters":  {old: url, new: "public_url: https://Latchkey.corp.example.test\n", want: []string{"has capital letters"}},
		"a URL with a query":        {old: url, new: "public_url: https://latchkey.corp.example.test?a=b\n", want: []string{"must end after the host"}},
		"a URL with a fragment":     {old: url, new: "public_url: \"https://latchkey.corp.example.test#a\"\n", want: []string{"must end after the host"}},
		"a URL with somebody in it": {old: url, new: "public_url: https://ann@latchkey.corp.example.test\n", want: []string{"must end after the host"}},
		"a banned word of two":      {new: "passwords: {banned: [abc, \" ab \"]}\n", want: []string{"passwords.banned[1]: \" ab \" is shorter than 3"}},

		"a policy without a name":      {old: "name: p0", new: "name: \"\"", want: []string{"policies[0]: needs a name"}},
		"a wait before an unlock":      {policy: everyone("unlock: {prove: [passkey], cool_down: 1h}"), want: []string{"unlock.cool_down: has no effect"}},
		"a wait before a reset":        {policy: everyone("reset: {prove: [passkey], cool_down: 1h}")},
		"an unknown proof alone":       {policy: everyone("unlock: {prove: [mail]}"), want: []string{`"mail" is no proof`}},
		"no proof at all":              {policy: everyone(`unlock: {prove: [""]}`), want: []string{`"" is no proof`}},
		"what a proof lies on, first":  {policy: everyone("unlock: {prove: [phone + passkey]}"), want: []string{`"phone" is no proof`}},
		"what a proof lies on, second": {policy: everyone("unlock: {prove: [passkey + phone]}"), want: []string{`"phone" is no proof`}},
		"the beginning of a DN":        {policy: `who: {group: "CN=Staff,corp"}; unlock: {prove: [passkey]}`, want: []string{`who.group: "CN=Staff,corp" is no distinguished name`}},
		"a DN of blanks":               {policy: `who: {ou: " "}; unlock: {prove: [passkey]}`, want: []string{`who.ou: " " is no distinguished name`}},
		"everyone, but for and where":  {policy: `who: {everyone: true, not: {department: IT}, network: [10.0.0.0/8]}; unlock: {prove: [passkey]}`, want: []string{"can't stand beside anything but not"}},
		"everyone, but for somebody":   {policy: `who: {everyone: true, not: {department: IT}}; unlock: {prove: [passkey]}`},
		"the longest value":            {policy: value(256)},
		"a longer value":               {policy: value(257), want: []string{"attribute.value: must be 1 to 256"}},
		"a day for nothing":            {policy: totp("may: [totp], by: 2099-12-31"), want: []string{"no must that it is for"}},
		"an otherwise for nothing":     {policy: totp("may: [totp], otherwise: limit"), want: []string{"no must that it is for"}},
		"a day, for what must be held": {policy: totp("must: [totp], by: 2099-12-31")},
	} {
		policy := c.policy
		if policy == "" {
			policy = everyone("unlock: {prove: [passkey]}")
		}
		text := "push: {subject: desk@corp.example.test}\nproofs:\n  directory: {attribute: employeeNumber, en: Number, de: Nummer}\n" + entries(t, policy)
		if c.old == "" {
			text = c.new + text
		} else if text = strings.Replace(text, c.old, c.new, 1); !strings.Contains(text, c.new) {
			t.Errorf("%s: %q is not in the file", name, c.old)
		}
		if got := mistakes(text); !only(got, c.want...) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	// Two entries without a name lack one each, and are not named alike.
	two := entries(t, everyone("unlock: {prove: [passkey]}"), "who: {department: IT}; unlock: {prove: [passkey]}")
	ordered := entries(t, "who: {department: IT}; unlock: {prove: [passkey]}", everyone("unlock: {prove: [passkey]}"))
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"two names":  {ordered, nil},
		"one name":   {strings.Replace(ordered, "name: p1", "name: p0", 1), []string{`policies[1].name: "p0" is used twice`}},
		"no name":    {strings.NewReplacer("name: p0", `name: ""`, "name: p1", `name: ""`).Replace(ordered), []string{"policies[0]: needs a name", "policies[1]: needs a name"}},
		"in a queue": {two, []string{"policies[1]: is never reached"}},
	} {
		if got := mistakes(c.text); !only(got, c.want...) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// What describes a proof is held to its bounds at both ends.
func TestWhatIsBeyondARuleOfAProofIsRefused(t *testing.T) {
	t.Setenv("LATCHKEY_TEST_SMS", "s3cret")
	question := func(n int) string {
		var list []string
		for i := range n {
			list = append(list, "{id: q"+strings.Repeat("x", i)+", en: A?, de: B?}")
		}
		return "questions: {list: [" + strings.Join(list, ", ") + "]"
	}
	sms := func(more, gateway string) string {
		return `sms_code: {verified: true, countries: ["+49"]` + more + `, gateway: {url: https://sms.example.test` + gateway + `}}`
	}
	for name, c := range map[string]struct {
		described string
		want      []string
	}{
		"a PIN of the usual length":   {"pin: {digits: 0}", nil},
		"the longest PIN":             {"pin: {digits: 12}", nil},
		"a longer PIN":                {"pin: {digits: 13}", []string{"proofs.pin.digits: 13 is out of range"}},
		"a name in German alone":      {`directory: {attribute: employeeNumber, en: "", de: Nummer}`, []string{"proofs.directory: needs en and de"}},
		"less than none an hour":      {sms(", hourly: -1", ""), []string{"proofs.sms_code.hourly: -1 is out of range"}},
		"a secret of the environment": {sms("", ", secret_env: LATCHKEY_TEST_SMS"), nil},
		"a secret that is not there":  {sms("", ", secret_file: /nowhere/x"), []string{"proofs.sms_code.gateway: read secret"}},
		"an answer before the answer": {sms("", ", success: {status: [199]}"), []string{"success.status[0]: 199 does not mean that it worked"}},
		"ten questions":               {question(10) + "}", nil},
		"eleven questions":            {question(11) + "}", []string{"proofs.questions: lists 11 questions"}},
		"six of them asked":           {question(10) + ", ask: 6}", []string{"proofs.questions.ask: 6 is out of range"}},
		"one in German alone":         {strings.Replace(question(5), "en: A?", `en: ""`, 1) + "}", []string{"proofs.questions.list[0]: needs en and de"}},
		"one in English alone":        {strings.Replace(question(5), "de: B?", `de: ""`, 1) + "}", []string{"proofs.questions.list[0]: needs en and de"}},
	} {
		text := strings.Replace(valid(t), "policies:", "proofs:\n  "+c.described+"\npolicies:", 1)
		if got := mistakes(text); !only(got, c.want...) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestATimeOfTheDayIsWrittenInOneWay(t *testing.T) {
	for from, good := range map[string]bool{
		"00:00": true, "09:59": true, "23:59": true, "07:60": false, "24:00": false, "07:0": false, "07:000": false, "070:0": false, "0::00": false,
		"07.00": false, "a7:00": false, "0a:00": false, "07:a0": false, "07:0a": false, "0/:00": false, "": false,
	} {
		if _, err := config.ReadHours(config.Hours{From: from, To: "24:00", Zone: "UTC"}); (err == nil) != good {
			t.Errorf("%q: %v", from, err)
		}
	}
	for days, good := range map[string]bool{"": true, "mon-fri": true, "FRI - mon, wed": true, "may-fri": false, "mon-may": false, "mon,": false} {
		if _, err := config.ReadHours(config.Hours{Days: days, From: "00:00", To: "24:00", Zone: "UTC"}); (err == nil) != good {
			t.Errorf("%q: %v", days, err)
		}
	}
}

// What an entry's people may set up is not asked of them at other times, where another
// entry decides then.
func TestWhoeverMayAtOtherTimesIsNotWarnedOf(t *testing.T) {
	const rest = "who: {everyone: true}; unlock: {prove: [totp]}; hold: {may: []}"
	hours := `hours: {from: "07:00", to: "19:00", zone: UTC}`
	for who, said := range map[string]bool{
		"{" + hours + "}": false, "{state: [expired]}": false, "{new_device: true}": false, "{network: [10.0.0.0/8]}": false,
		"{any: [{department: IT}, {" + hours + "}]}": false, "{all: [{department: IT}, {" + hours + "}]}": false, "{not: {" + hours + "}}": false,
		"{department: IT}": true, "{not: {department: IT}}": true, "{any: [{department: IT}]}": true, "{all: [{department: IT}]}": true,
	} {
		c, err := config.Parse("c.yaml", []byte(entries(t, "who: "+who+"; unlock: {prove: [totp]}", rest)))
		if err != nil {
			t.Fatalf("%s: %v", who, err)
		}
		warned := slices.ContainsFunc(c.Warnings(), func(w string) bool {
			return strings.Contains(w, `policy "p1", unlock: hold lets nobody here set up totp`)
		})
		if warned != said {
			t.Errorf("%s: %q", who, c.Warnings())
		}
	}
}

// A code to a number that the directory has takes nobody's setting up.
func TestACodeToANumberOfTheDirectoryNeedsNoDuty(t *testing.T) {
	for described, said := range map[string]bool{"attribute: extensionAttribute4": false, "verified: true": true} {
		text := entries(t, "who: {everyone: true}; unlock: {prove: [sms-code]}; hold: {may: []}")
		text = strings.Replace(text, "policies:", `proofs: {sms_code: {`+described+`, countries: ["+49"], gateway: {url: https://sms.example.test}}}`+"\npolicies:", 1)
		c, err := config.Parse("c.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if warned := strings.Contains(strings.Join(c.Warnings(), "\n"), "hold lets nobody here set up sms-code"); warned != said {
			t.Errorf("%s: %q", described, c.Warnings())
		}
	}
}

// A file of roots that is not read to its end would lack makers without anybody knowing.
func TestRootsThatCantBeReadWholeAreNone(t *testing.T) {
	root, err := os.ReadFile(rootsFile(t, 365*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	most := append(root, make([]byte, 4<<20-len(root))...)
	for name, c := range map[string]struct {
		keys config.HardwareKey
		want string
	}{
		"as long as any":       {config.HardwareKey{RootsFile: file(t, most)}, ""},
		"longer":               {config.HardwareKey{RootsFile: file(t, append(most, '\n'))}, "longer than 4 MiB"},
		"a directory":          {config.HardwareKey{RootsFile: t.TempDir()}, "read roots"},
		"no file":              {config.HardwareKey{RootsFile: "/nowhere/x"}, "proofs.hardware_key.roots_file: open roots"},
		"a model that is none": {config.HardwareKey{RootsFile: file(t, root), Models: []string{"x"}}, "proofs.hardware_key: "},
	} {
		keys, err := c.keys.Keys()
		if (err == nil) != (c.want == "") || err != nil && (keys != nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	text := strings.Replace(valid(t), "policies:", "proofs: {hardware_key: {roots_file: "+file(t, root)+", models: [\"{"+modelText+"}\"]}}\npolicies:", 1)
	if got := mistakes(text); !only(got, "is no AAGUID") {
		t.Errorf("a model in braces: %q", got)
	}
}

// What is no file, such as a pipe, has no mode that would tell who reads it.
func TestASecretIsReadWholeOrNotAtAll(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte("\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{empty: config.ErrEmptySecret, "/dev/null": config.ErrEmptySecret, t.TempDir(): nil} {
		secret, err := config.Account{PasswordFile: path}.Secret()
		if err == nil || !secret.Empty() || want != nil && !errors.Is(err, want) || want == nil && errors.Is(err, config.ErrEmptySecret) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
