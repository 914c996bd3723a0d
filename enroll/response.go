package enroll

import (
	"encoding/base64"

	"github.com/go-webauthn/webauthn/protocol"
)

// plainResponse decodes a response as browsers spell it: objects of known members, of
// which the last of a name counts (objects are filled one over the other, as the library
// does), and texts without escapes. It is false for any other,
// which may be good for all that, and which the library decodes then. Nothing is judged
// here: what the members say is the library's to check (see parseAssertion), whoever
// decoded them.
func plainResponse(body []byte) (protocol.CredentialAssertionResponse, bool) {
	var c protocol.CredentialAssertionResponse
	r := plainReader{rest: body, decoded: make([]byte, 0, base64.RawURLEncoding.DecodedLen(len(body)))}
	of := &c.AssertionResponse
	response := func(name []byte) bool {
		switch string(name) {
		case "clientDataJSON":
			return r.base64(&of.ClientDataJSON)
		case "authenticatorData":
			return r.base64(&of.AuthenticatorData)
		case "signature":
			return r.base64(&of.Signature)
		case "userHandle":
			return r.base64(&of.UserHandle)
		}
		return false
	}
	ok := r.object(func(name []byte) bool {
		switch string(name) {
		case "id":
			return r.text(&c.ID)
		case "type":
			return r.text(&c.Type)
		case "rawId":
			return r.base64(&c.RawID)
		case "authenticatorAttachment":
			return r.text(&c.AuthenticatorAttachment)
		case "clientExtensionResults":
			return r.is('{') && r.is('}')
		case "response":
			return r.object(response)
		}
		return false
	})
	r.skip()
	return c, ok && len(r.rest) == 0
}

// plainReader reads JSON of plain texts and objects of them. Each method is false where
// something else stands there.
type plainReader struct {
	rest    []byte
	decoded []byte // one behind the other
}

func (r *plainReader) skip() {
	for len(r.rest) > 0 && (r.rest[0] == ' ' || r.rest[0] == '\t' || r.rest[0] == '\r' || r.rest[0] == '\n') {
		r.rest = r.rest[1:]
	}
}

func (r *plainReader) is(c byte) bool {
	r.skip()
	if len(r.rest) == 0 || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

// object has member read what stands behind each name.
func (r *plainReader) object(member func(name []byte) bool) bool {
	if !r.is('{') {
		return false
	}
	for !r.is('}') {
		name, ok := r.quoted()
		if !ok || !r.is(':') || !member(name) {
			return false
		}
		if !r.is(',') {
			return r.is('}')
		}
		if r.skip(); len(r.rest) == 0 || r.rest[0] != '"' { // a comma before the end
			return false
		}
	}
	return true
}

// quoted is what stands between quotes, in printable ASCII.
func (r *plainReader) quoted() ([]byte, bool) {
	if !r.is('"') {
		return nil, false
	}
	for i, c := range r.rest {
		if c == '"' {
			text := r.rest[:i]
			r.rest = r.rest[i+1:]
			return text, true
		}
		if c < ' ' || c > '~' || c == '\\' {
			return nil, false
		}
	}
	return nil, false
}

func (r *plainReader) text(to *string) bool {
	text, ok := r.quoted()
	if !ok {
		return false
	}
	*to = string(text)
	return true
}

func (r *plainReader) base64(to *protocol.URLEncodedBase64) bool {
	text, ok := r.quoted()
	if !ok {
		return false
	}
	at := len(r.decoded)
	var err error
	if r.decoded, err = base64.RawURLEncoding.AppendDecode(r.decoded, text); err != nil {
		return false
	}
	*to = protocol.URLEncodedBase64(r.decoded[at:len(r.decoded):len(r.decoded)])
	return true
}
