package server

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/valyala/fasthttp"
)

// maxDepth bounds how deep a body nests; a credential has four levels.
const maxDepth = 16

// jsonBody holds a body to what every reader reads alike: application/json, not
// encoded (a small gzip may hide a large body), UTF-8, one value, no name twice.
func jsonBody(ctx *fasthttp.RequestCtx) error {
	h := &ctx.Request.Header
	kind, params, err := mime.ParseMediaType(string(h.ContentType()))
	charset := params["charset"]
	if err != nil || kind != "application/json" || (charset != "" && !strings.EqualFold(charset, "utf-8")) ||
		len(h.PeekAll("Content-Encoding")) > 0 {
		return errContentType
	}
	return strictJSON(ctx.Request.Body())
}

// strictJSON refuses what encoding/json lets through and repairs in silence: a
// name that stands twice (the last one wins, whatever its case), broken UTF-8
// and lone surrogates (both become U+FFFD, in a password too).
func strictJSON(b []byte) error {
	if !utf8.Valid(b) || loneSurrogate(b) {
		return errMalformed
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := value(d, 0); err != nil {
		return errMalformed
	}
	if _, err := d.Token(); err != io.EOF {
		return errMalformed
	}
	return nil
}

func value(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return errMalformed
	}
	switch t {
	case json.Delim('{'):
		return object(d, depth)
	case json.Delim('['):
		return array(d, depth)
	}
	return nil
}

func object(d *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		if folded := strings.ToLower(name); seen[folded] {
			return errMalformed
		} else {
			seen[folded] = true
		}
		if err := value(d, depth+1); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func array(d *json.Decoder, depth int) error {
	for d.More() {
		if err := value(d, depth+1); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// loneSurrogate looks for \ud800 to \udfff outside of a pair.
func loneSurrogate(b []byte) bool {
	for i := 0; i+1 < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		i++
		if b[i] != 'u' || i+4 >= len(b) {
			continue
		}
		switch half(b[i+1:]) {
		case high:
			if i+10 >= len(b) || b[i+5] != '\\' || b[i+6] != 'u' || half(b[i+7:]) != low {
				return true
			}
			i += 10
		case low:
			return true
		}
	}
	return false
}

type surrogate int

const (
	no surrogate = iota
	high
	low
)

// half looks at the first two hexadecimal digits of an escape.
func half(digits []byte) surrogate {
	if len(digits) < 2 || (digits[0] != 'd' && digits[0] != 'D') {
		return no
	}
	switch digits[1] {
	case '8', '9', 'a', 'b', 'A', 'B':
		return high
	case 'c', 'd', 'e', 'f', 'C', 'D', 'E', 'F':
		return low
	}
	return no
}
