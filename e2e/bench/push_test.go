package bench

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/SherClockHolmes/webpush-go"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/e2e/stand"
	"github.com/latchkey/latchkey/e2e/stand/autopush"
	"github.com/latchkey/latchkey/e2e/world"
	"github.com/latchkey/latchkey/secret"
	"github.com/latchkey/latchkey/workflow"
)

// TestPushBesideWebpushGo has the server send what its outbox holds, and a bare
// webpush-go send as many messages of the same size, both to the same stand-in push
// service, through the same proxy, over connections that are kept.
func TestPushBesideWebpushGo(t *testing.T) {
	w := withPush(t)
	n := Count(4000, 40)
	bare := newBare(t, w)
	days := 0
	send := func(n int) (rate float64) {
		days++
		world.Must(t, w.Terminate())
		fill(t, w, n, days)
		forget(w)
		w.Start()
		return arrive(t, w, n)
	}
	send(20)
	bare.send(t, 20)
	Alternate(Count(5, 1), func() float64 { return send(n) }, func() float64 {
		forget(w)
		return bare.send(t, n)
	}).AtLeast("push, outbox on", "messages/s", 0.7, "16 at once; directory read once for a person and a batch; delivery and device written and synced for each").Add(t)

	n = Count(10_000, 60)
	forget(w)
	world.Must(t, w.Terminate())
	fill(t, w, n, days+1)
	w.Start()
	first := resident(t, w, n/10)
	last := resident(t, w, n)
	Below("push, growth of resident memory from message 1,000 to 10,000", last-first, "MB", 4, fmt.Sprintf("%.1f MB, then %.1f MB", first, last)).Add(t)
	Below("resident after 10,000 messages", last, "MB", 64, "").Add(t)
}

// withPush is a world with a push service and without mail, of whose people each
// has one device.
func withPush(t *testing.T) *world.World {
	t.Helper()
	s, err := stand.Start(t.Context(), t.TempDir(), false)
	world.Must(t, err)
	t.Cleanup(s.Close)
	w := world.New(t, world.Options{People: 16, Settings: map[string]any{
		"log": quiet["log"], "reminders": map[string]any{"password_expiry": []int{}},
		"push": map[string]any{"proxy": s.Push.ProxyURL(), "ca_file": s.CAFile, "subject": "desk@corp.example.test"},
	}})
	w.Stand = s
	for _, p := range w.People {
		w.Subscribe(p)
	}
	return w
}

func forget(w *world.World) {
	w.Stand.Push.Messages.Change(func([]autopush.Message) []autopush.Message { return nil })
}

// arrive waits for n messages, and returns how many a second came after the first
// tenth, which the start is part of.
func arrive(t *testing.T, w *world.World, n int) float64 {
	t.Helper()
	all := await(t, w, n)
	from := n / 10
	return float64(n-from) / all[n-1].At.Sub(all[from].At).Seconds()
}

func await(t *testing.T, w *world.World, n int) []autopush.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	all, err := w.Stand.Push.Messages.Until(ctx, func(all []autopush.Message) bool { return len(all) >= n })
	if err != nil {
		t.Fatalf("%v\n%s", err, w.LogTail())
	}
	for _, m := range all {
		if m.Status != http.StatusCreated {
			t.Fatalf("%d %s", m.Status, m.Problem)
		}
	}
	return all
}

func resident(t *testing.T, w *world.World, n int) float64 {
	await(t, w, n)
	return Resident(t, w.PID())
}

// fill puts notices into the outbox of a server that does not run.
func fill(t *testing.T, w *world.World, n, days int) {
	t.Helper()
	box, err := secret.LoadBox(filepath.Join(w.Data, "secret.key"), false)
	world.Must(t, err)
	store, err := db.Open(t.Context(), db.Config{Path: filepath.Join(w.Data, "latchkey.db"), Box: box})
	world.Must(t, err)
	defer func() { world.Must(t, store.Close()) }()
	until := time.Now().Add(24 * time.Hour)
	together(t, 64, n, func(_, i int) error {
		who := ad.GUID(w.People[i%len(w.People)].ID)
		made, err := store.Remind(context.Background(), who, until.Add(time.Duration(i)*time.Second), days, workflow.Notice{
			To: who, Kind: workflow.NoticeExpiring, Until: until, Params: map[string]string{"days": "7", "expires": "1796083200000"},
		})
		if err == nil && !made {
			err = fmt.Errorf("reminded before: %d", i)
		}
		return err
	})
}

// bareSender is webpush-go with nothing around it: without Options.Authorization the copy
// in third_party does what the original does.
type bareSender struct {
	client          *http.Client
	private, public string
	to              []*autopush.Receiver
}

func newBare(t *testing.T, w *world.World) *bareSender {
	t.Helper()
	pem, err := os.ReadFile(w.Stand.CAFile)
	world.Must(t, err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	proxy, err := url.Parse(w.Stand.Push.ProxyURL())
	world.Must(t, err)
	b := &bareSender{client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: crowd, ForceAttemptHTTP2: true,
	}}}
	b.private, b.public, err = webpush.GenerateVAPIDKeys()
	world.Must(t, err)
	for range 16 {
		r, err := w.Stand.Push.Subscribe(b.public)
		world.Must(t, err)
		b.to = append(b.to, r)
	}
	return b
}

func (b *bareSender) send(t *testing.T, n int) float64 {
	t.Helper()
	text := make([]byte, 380)
	for i := range text {
		text[i] = 'x'
	}
	var refused atomic.Int64
	var all sync.WaitGroup
	rate := Rate(n, func() {
		for w := range crowd {
			all.Go(func() {
				for i := w; i < n; i += crowd {
					to := b.to[i%len(b.to)]
					res, err := webpush.SendNotification(append([]byte(nil), text...),
						&webpush.Subscription{Endpoint: to.Endpoint, Keys: webpush.Keys{Auth: to.Auth, P256dh: to.P256dh}},
						&webpush.Options{
							HTTPClient: b.client, Subscriber: "desk@corp.example.test", TTL: 3600, RecordSize: 512,
							VAPIDPublicKey: b.public, VAPIDPrivateKey: b.private,
						})
					if err != nil || res.StatusCode != http.StatusCreated {
						refused.Add(1)
						continue
					}
					_, _ = io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
			})
		}
		all.Wait()
	})
	if refused.Load() > 0 {
		t.Fatalf("%d refused", refused.Load())
	}
	return rate
}
