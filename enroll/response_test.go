package enroll_test

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/go-webauthn/webauthn/protocol"

	"github.com/latchkey/latchkey/enroll"
)

func someResponse() string {
	rp := virtualwebauthn.RelyingParty{ID: rpID, Name: "Example", Origin: origin}
	auth := virtualwebauthn.NewAuthenticator()
	auth.Options.UserHandle = []byte("0123456789abcdef0123456789abcdef")
	cred := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
	auth.AddCredential(cred)
	return virtualwebauthn.CreateAssertionResponse(rp, auth, cred, virtualwebauthn.AssertionOptions{Challenge: []byte("challenge of the test")})
}

// asBrowsers spells a response with all that browsers add.
func asBrowsers(t testing.TB, response string) string {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(response), &all); err != nil {
		t.Fatal(err)
	}
	all["authenticatorAttachment"], all["clientExtensionResults"] = "platform", map[string]any{}
	out, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// The short way is for nothing if it is not gone.
func TestResponsesOfBrowsersAreDecodedTheShortWay(t *testing.T) {
	plain := someResponse()
	for _, body := range []string{plain, asBrowsers(t, plain), " {\t" + plain[1:] + "\r\n"} {
		if !enroll.IsPlain([]byte(body)) {
			t.Errorf("not decoded the short way: %s", body)
		}
		if _, err := enroll.ParseResponse([]byte(body)); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

// FuzzResponse: what is decoded here is what the library decodes, to the last field, or
// the same is refused.
func FuzzResponse(f *testing.F) {
	for _, body := range responses(f) {
		f.Add([]byte(body))
	}
	f.Fuzz(sameAsTheLibrary)
}

func sameAsTheLibrary(t *testing.T, body []byte) {
	given := string(body)
	got, err := enroll.ParseResponse(body)
	want, wantErr := protocol.ParseCredentialRequestResponseBytes(body)
	if (err == nil) != (wantErr == nil) {
		t.Fatalf("%q: %v, the library says %v", body, err, wantErr)
	}
	if err == nil && !reflect.DeepEqual(got, want) {
		t.Fatalf("%q:\n%+v\nthe library has\n%+v", body, got, want)
	}
	if string(body) != given {
		t.Fatal("the body was written to")
	}
	if err != nil {
		return
	}
	// Each text has its own end: nobody writes into the next one.
	r := got.Raw.AssertionResponse
	for _, b := range [][]byte{got.RawID, r.ClientDataJSON, r.AuthenticatorData, r.Signature, r.UserHandle} {
		_ = append(b, "overwritten"...)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q: a text reaches into another", body)
	}
}

// responses are spellings in each of which the two might differ.
func responses(t testing.TB) []string {
	plain := someResponse()
	full := asBrowsers(t, plain)
	var r protocol.CredentialAssertionResponse
	if err := json.Unmarshal([]byte(plain), &r); err != nil {
		t.Fatal(err)
	}
	id, client, handle := r.ID, r.AssertionResponse.ClientDataJSON.String(), r.AssertionResponse.UserHandle.String()
	all := []string{
		plain, full, "", "null", "{}", "{,}", "[]", `"x"`, "{", plain[:len(plain)-1], plain + "x", plain + plain, plain + " \n\t", "\ufeff" + plain,
		plain[1:], full[1:], `{"id":"x",`, `{"id":"x"`, `{"id":"x","response":{"signature":"AA",`, `{:"x"}`,
	}
	replace := func(old, new string) {
		for _, of := range []string{plain, full} {
			all = append(all, strings.Replace(of, old, new, 1))
		}
	}
	replace(`{`, `{"id":"",`)
	replace(`{`, `{"id":"x",`)
	replace(`{`, `{"ID":"x",`)
	replace(`{`, `{"response":{},`)
	replace(`{`, `{"response":{"signature":""},`)
	replace(`{`, `{"response":null,`)
	replace(`{`, `{"clientDataJSON":"e30",`)
	replace(`{`, `{"more":[1,{"a":null}],`)
	replace(`{`, `{"clientExtensionResults":{"appid":true},`)
	replace(`{`, `{"clientExtensionResults":{"appid":null},`)
	replace(`{`, `{"clientExtensionResults":{ },`)
	replace(`{`, `{"clientExtensionResults":[],`)
	replace(`{`, `{"clientExtensionResults":null,`)
	replace(`{`, `{"authenticatorAttachment":"other",`)
	replace(`{`, `{"authenticatorAttachment":1,`)
	replace(`{`, `{"signature":"AA","response":{"signature":"AA","userHandle":"AA"},`)
	replace(`{`, `{"authenticatorAttachment":"platform","authenticatorAttachment":"cross-platform",`)
	replace(`{`, `{"authenticatorAttachment":"`+"\xff"+`",`)
	replace(`{`, `{"authenticatorAttachment":"`+"\x7f"+`",`)
	replace(`{`, `{"clientExtensionResults":},`)
	replace(`{`, `{"clientExtensionResults":{,`)
	replace(`":"`, `""`)
	replace(`"id":"`, `"id":`)
	replace(`{`, `{"authenticatorAttachment":,`)
	replace(`"userHandle":"`+handle+`"`, `"userHandle":`)
	replace(`"signature":"`, `"signature":`)
	replace(`}`, `,}`)
	replace(`":"`, `" : "`)
	replace(`"`, `'`)
	replace(`"signature"`, `"Signature"`)
	replace(`"signature":"`, `"signature":"\u004d`)
	replace(`"signature":"`, `"signature":"é`)
	replace(`"signature":"`, `"signature":"+/`)
	replace(`"signature":"`, `"signature":"`+"\n")
	replace(`"signature":"`, `"signature":"\n`)
	replace(`"signature":"`, `"signature":null,"x":"`)
	replace(`"signature":"`, `"signature":1,"x":"`)
	replace(`"signature":"`, `"signature":"","x":"`)
	replace(`"type":"public-key"`, `"type":"password"`)
	replace(`"type":"public-key"`, `"type":"public\u002dkey"`)
	replace(`"type":"public-key"`, `"type":null`)
	replace(`"id":"`+id, `"id":"`+id+`=`)
	replace(`"rawId":"`+id, `"rawId":"`+id+`==`)
	replace(`"rawId":"`+id, `"rawId":"A`)
	replace(handle+`"`, handle+`="`)
	replace(handle+`"`, `"`)
	replace(client+`"`, client+`A"`)
	replace(client+`"`, base64.RawURLEncoding.EncodeToString([]byte(`{"type":1}`))+`"`)
	replace(`"authenticatorData":"`, `"authenticatorData":"AAAA`)
	return all
}
