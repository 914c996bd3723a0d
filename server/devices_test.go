package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/push"
)

func TestASubscriptionIsTheSignedInPersons(t *testing.T) {
	st := newStage(t)
	body := `{"endpoint":"https://push.example.test/x","p256dh":"` + base64url([]byte("\xfb\xefkey")) + `","auth":"` + base64url([]byte("auth")) + `"}`
	res := st.in("POST", "/api/devices", body, "User-Agent", "Mozilla/5.0 (Linux; Android 15) Chrome/142.0 "+canary)
	var got Device
	if err := json.Unmarshal([]byte(bodyOf(t, res)), &got); err != nil || got.ID != "d1" || got.Device != "Chrome on Android" {
		t.Fatalf("%d %+v %v", res.StatusCode, got, err)
	}
	s := st.phones.got
	if s.Account != alice.String() || s.Endpoint != "https://push.example.test/x" || !bytes.Equal(s.P256dh, []byte("\xfb\xefkey")) || string(s.Auth) != "auth" {
		t.Errorf("%+v", s)
	}
}

func TestASubscriptionThatTheBrowserChangedTakesTheOldOnesPlace(t *testing.T) {
	st := newStage(t)
	const body = `{"endpoint":"https://push.example.test/new","p256dh":"AAAA","auth":"AAAA","key":"BKey","replaces":"https://push.example.test/old"}`
	if res := st.in("POST", "/api/devices", body); res.StatusCode != http.StatusOK {
		t.Fatal(res.StatusCode, bodyOf(t, res))
	}
	if s := st.phones.got; st.phones.replaced != "https://push.example.test/old" || s.Key != "BKey" || s.Account != alice.String() {
		t.Errorf("%q, %+v", st.phones.replaced, s)
	}
}

func TestDevicesTellNoSecret(t *testing.T) {
	st := newStage(t)
	body := bodyOf(t, st.in("GET", "/api/devices", ""))
	var got DeviceList
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if got.PublicKey != "BPublic" || got.Mail != "a…@example.test" || len(got.Devices) != 1 || got.Devices[0].Device != "Chrome on Android" {
		t.Errorf("%+v", got)
	}
	for _, secret := range []string{"push.example.test", base64url([]byte("key")), base64url([]byte("auth")), "p256dh"} {
		if strings.Contains(body, secret) {
			t.Errorf("%s is in %s", secret, body)
		}
	}
	st.phones.mailErr = errors.New("directory down")
	if res := st.in("GET", "/api/devices", ""); res.StatusCode != http.StatusOK || strings.Contains(bodyOf(t, res), "example.test") {
		t.Errorf("without the directory: %d", res.StatusCode)
	}
}

func TestWhatIsNoSubscriptionIsRefused(t *testing.T) {
	st := newStage(t)
	for _, keys := range []string{`"p256dh":"!","auth":"AAAA"`, `"p256dh":"AAAA","auth":"A"`, `"p256dh":"AA==","auth":"AAAA"`, `"p256dh":"++++","auth":"AAAA"`} {
		wantProblem(t, st.in("POST", "/api/devices", `{"endpoint":"https://push.example.test/x",`+keys+`}`), http.StatusUnprocessableEntity, "device.endpoint")
	}
	if st.phones.got.Account != "" {
		t.Error("it was saved")
	}
	long := `{"endpoint":"https://push.example.test/` + strings.Repeat("x", 2000) + `","p256dh":"AAAA","auth":"AAAA"}`
	wantProblem(t, st.in("POST", "/api/devices", long), http.StatusUnprocessableEntity, "request.invalid")
}

func TestWhatADeviceMeetsHasItsAnswer(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
	}{
		{push.ErrEndpoint, 422}, {push.ErrKey, 409}, {push.ErrNoSubscription, 404}, {push.ErrAnothers, 409}, {push.ErrTooManyDevices, 409},
		{push.ErrGone, 410}, {push.ErrUnreachable, 502},
	} {
		st := newStage(t)
		st.phones.err = fmt.Errorf("test a device: %w", c.err)
		for _, path := range []string{"/api/devices/{id}/test", "/api/devices/{id}/remove", "/api/devices"} {
			body := goodBody(route{method: post, path: path})
			wantProblem(t, st.in("POST", strings.Replace(path, "{id}", "d1", 1), body), c.status, c.err.Error())
		}
	}
}

func TestRemovingADeviceNamesItsOwner(t *testing.T) {
	st := newStage(t)
	if res := st.in("POST", "/api/devices/d1/remove", "{}"); res.StatusCode != http.StatusNoContent {
		t.Errorf("%d", res.StatusCode)
	}
	if want := []string{alice.String() + " d1"}; !slices.Equal(st.phones.gone, want) {
		t.Errorf("%v", st.phones.gone)
	}
}

func TestWhoCanTBeToldIsSaid(t *testing.T) {
	st := newStage(t)
	reachable := func() bool {
		var list AskedList
		if err := json.Unmarshal([]byte(bodyOf(t, st.in("GET", "/api/requests/r1/asked", ""))), &list); err != nil || len(list.Asked) == 0 {
			t.Fatal(err, list)
		}
		return list.Reachable
	}
	if !reachable() {
		t.Error("a device is not enough")
	}
	st.phones.none = true
	if reachable() {
		t.Error("without device and address")
	}
	st.phones.mailErr = errors.New("directory down")
	if !reachable() {
		t.Error("what can't be found out is claimed")
	}
}
