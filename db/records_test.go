package db

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/enroll"
)

func TestReceiptsAreWrittenAsJSONIs(t *testing.T) {
	var long []byte
	for i := range 300 {
		long = append(long, byte(i*7), 0xfb, 0xff)
	}
	values := [][]byte{nil, {}, {0}, {1, 2}, {1, 2, 3}, []byte("<&>\u2028"), long}
	for i, v := range values {
		w := values[(i+1)%len(values)]
		for _, r := range []enroll.Receipt{
			{}, {CredentialID: v, Nonce: w}, {ClientDataJSON: v, Signature: w}, {AuthenticatorData: v},
			{CredentialID: v, ClientDataJSON: w, AuthenticatorData: v, Signature: w, Nonce: v},
		} {
			want, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			if got := appendReceipt([]byte("x"), r); string(got) != "x"+string(want) {
				t.Errorf("%s, want %s", got, want)
			}
		}
	}
	if n := reflect.TypeFor[enroll.Receipt]().NumField(); n != 5 {
		t.Errorf("a receipt has %d fields", n)
	}
}

func someRecord() webauthn.Credential {
	return webauthn.Credential{
		ID: []byte{1}, PublicKey: []byte{2}, AttestationType: "a", AttestationFormat: "b",
		Transport: []protocol.AuthenticatorTransport{protocol.USB}, Flags: webauthn.NewCredentialFlags(protocol.FlagUserPresent),
		Authenticator: webauthn.Authenticator{AAGUID: []byte{3}, SignCount: 4},
	}
}

// Every field that a record has, and will have, makes a difference.
func TestNoFieldOfARecordIsForgotten(t *testing.T) {
	var walk func(path string, at func(*webauthn.Credential) reflect.Value, kind reflect.Type)
	leaves := 0
	walk = func(path string, at func(*webauthn.Credential) reflect.Value, kind reflect.Type) {
		if kind.Kind() == reflect.Struct {
			for i := range kind.NumField() {
				f := kind.Field(i)
				if !f.IsExported() {
					if path+"."+f.Name != ".Flags.raw" {
						t.Errorf("%s.%s is not known", path, f.Name)
					}
					continue
				}
				walk(path+"."+f.Name, func(c *webauthn.Credential) reflect.Value { return at(c).Field(i) }, f.Type)
			}
			return
		}
		leaves++
		one, other := someRecord(), someRecord()
		v := at(&other)
		switch kind.Kind() {
		case reflect.Slice:
			v.Set(reflect.MakeSlice(kind, v.Len()+1, v.Len()+1))
		case reflect.Pointer:
			v.Set(reflect.New(kind.Elem()))
		case reflect.String:
			v.SetString(v.String() + "x")
		case reflect.Bool:
			v.SetBool(!v.Bool())
		case reflect.Uint, reflect.Uint8, reflect.Uint32, reflect.Uint64:
			v.SetUint(v.Uint() + 1)
		case reflect.Int, reflect.Int32, reflect.Int64:
			v.SetInt(v.Int() + 1)
		default:
			t.Fatalf("%s is %s, which this test can't change", path, kind)
		}
		if same(&one, &other) || sameRecord(&one, &other) {
			t.Errorf("%s makes no difference", path)
		}
		if kind.Kind() == reflect.Slice {
			one, other = someRecord(), someRecord()
			at(&one).SetZero()
			at(&other).Set(reflect.MakeSlice(kind, 0, 0))
			if same(&one, &other) {
				t.Errorf("%s: none and empty are the same", path)
			}
		}
	}
	walk("", func(c *webauthn.Credential) reflect.Value { return reflect.ValueOf(c).Elem() }, reflect.TypeFor[webauthn.Credential]())
	if leaves < 20 {
		t.Errorf("only %d fields", leaves)
	}

	one, other := someRecord(), someRecord()
	other.Flags = webauthn.NewCredentialFlags(protocol.FlagUserPresent | protocol.FlagAttestedCredentialData)
	if same(&one, &other) {
		t.Error("the octet of the flags makes no difference")
	}
	other = someRecord()
	if !same(&one, &other) {
		t.Error("the same is taken for different")
	}
	yes, too := true, true
	one.Extensions.RK, other.Extensions.RK = &yes, &too
	if !sameRecord(&one, &other) {
		t.Error("the same behind another pointer is taken for different")
	}
}
