package autopush

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"time"
)

// claims are RFC 8292 2.
type claims struct {
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"` // seconds
	Subject  string `json:"sub"`
}

// authorise checks RFC 8292: a token for this service, for at most a day, signed
// with the key in k, which is the subscription's. 401 for none, 403 for a wrong one.
func authorise(r *http.Request, m *Message, key []byte) *refusal {
	token, public := credentials(r.Header.Get("Authorization"))
	m.VAPID = token
	if token == "" {
		return &refusal{401, "no vapid token"}
	}
	given, err := decode(public)
	if err != nil || key != nil && !bytes.Equal(given, key) {
		return &refusal{403, "another key than the subscription's"}
	}
	c, ok := verify(token, given)
	if !ok {
		return &refusal{403, "the token's signature is wrong"}
	}
	m.Subject, m.Expires = c.Subject, time.Unix(c.Expires, 0).UTC()
	switch left := time.Until(m.Expires); {
	case c.Audience != Origin:
		return &refusal{403, "the token is for another service"}
	case left <= 0 || left > 24*time.Hour:
		return &refusal{403, "the token is over, or good for more than a day"}
	case !strings.HasPrefix(c.Subject, "mailto:") && !strings.HasPrefix(c.Subject, "https:"):
		return &refusal{403, "the token has no contact"}
	case strings.Contains(strings.TrimPrefix(c.Subject, "mailto:"), ":") && strings.HasPrefix(c.Subject, "mailto:"):
		return &refusal{403, "the contact is no address"}
	}
	return nil
}

// credentials reads `vapid t=TOKEN, k=KEY` (RFC 8292 3).
func credentials(header string) (token, key string) {
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "vapid") {
		return "", ""
	}
	for p := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		switch name {
		case "t":
			token = value
		case "k":
			key = value
		}
	}
	return token, key
}

// verify checks a JWS with ES256 (RFC 7515, RFC 7518 3.4).
func verify(token string, public []byte) (c claims, ok bool) {
	parts := strings.Split(token, ".")
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), public)
	if err != nil || len(parts) != 3 {
		return c, false
	}
	var head struct {
		Algorithm string `json:"alg"`
	}
	if !read(parts[0], &head) || head.Algorithm != "ES256" || !read(parts[1], &c) {
		return c, false
	}
	signature, err := decode(parts[2])
	if err != nil || len(signature) != 64 {
		return c, false
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	return c, ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
}

func read(part string, out any) bool {
	b, err := decode(part)
	return err == nil && json.Unmarshal(b, out) == nil
}
