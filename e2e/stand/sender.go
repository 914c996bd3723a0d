package stand

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/SherClockHolmes/webpush-go"

	"github.com/latchkey/latchkey/e2e/stand/autopush"
)

// sender is an application server that has nothing to do with the product: it
// shows that browser, push service and desktop work together without it.
type sender struct {
	client *http.Client
	keys   func() (vapid, error)
}

type vapid struct{ private, public string }

func newSender(s *Stand) (*sender, error) {
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in the authority's file")
	}
	proxy, err := url.Parse(s.Push.ProxyURL())
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}
	return &sender{
		client: &http.Client{Transport: transport, Timeout: 10 * time.Second},
		keys: sync.OnceValues(func() (vapid, error) {
			private, public, err := webpush.GenerateVAPIDKeys()
			return vapid{private, public}, err
		}),
	}, nil
}

// ServeHTTP answers GET with the public key, and POST {endpoint, p256dh, auth,
// text} with the push service's status.
func (s *sender) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	keys, err := s.keys()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if r.Method == http.MethodGet {
		json.NewEncoder(w).Encode(map[string]string{"key": keys.public})
		return
	}
	var in struct {
		autopush.Receiver
		Text string `json:"text"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	status, err := s.send(r, in.Receiver, in.Text, keys)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	json.NewEncoder(w).Encode(map[string]int{"status": status})
}

func (s *sender) send(r *http.Request, to autopush.Receiver, text string, keys vapid) (int, error) {
	res, err := webpush.SendNotificationWithContext(r.Context(), []byte(text),
		&webpush.Subscription{Endpoint: to.Endpoint, Keys: webpush.Keys{Auth: to.Auth, P256dh: to.P256dh}},
		&webpush.Options{HTTPClient: s.client, Subscriber: "desk@corp.example.test", TTL: 60, VAPIDPublicKey: keys.public, VAPIDPrivateKey: keys.private})
	if err != nil {
		return 0, fmt.Errorf("send: %w", err)
	}
	defer res.Body.Close()
	return res.StatusCode, nil
}
