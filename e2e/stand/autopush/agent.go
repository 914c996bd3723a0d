package autopush

import (
	"context"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// agent is a browser, connected or not.
type agent struct {
	uaid string

	mu    sync.Mutex
	conn  *websocket.Conn // nil while away
	queue []notification  // sent and not acknowledged, or not sent yet
}

// frame is whatever the browser sends. An empty one is its ping.
type frame struct {
	Type    string `json:"messageType"`
	UAID    string `json:"uaid"`
	Channel string `json:"channelID"`
	Key     string `json:"key"`
	Updates []struct {
		Channel string `json:"channelID"`
		Version string `json:"version"`
		Code    int    `json:"code"`
	} `json:"updates"`
	Version string `json:"version"` // of a nack
	Code    int    `json:"code"`
}

type answer map[string]any

type notification struct {
	Type    string            `json:"messageType"`
	Channel string            `json:"channelID"`
	Version string            `json:"version"`
	Data    string            `json:"data"`
	Headers map[string]string `json:"headers"`

	topic string
	until time.Time
}

func (s *Server) connect(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"push-notification"}, InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	conn.SetReadLimit(1 << 20)
	var a *agent
	for {
		var f frame
		if err := wsjson.Read(s.stopped, conn, &f); err != nil {
			a.left(conn)
			return
		}
		if f.Type == "hello" {
			a = s.hello(conn, f.UAID)
		} else if a != nil {
			s.answer(a, f)
		}
	}
}

// hello knows the browser again, or gives it a new name; then the browser forgets
// its subscriptions.
func (s *Server) hello(conn *websocket.Conn, uaid string) *agent {
	s.mu.Lock()
	a := s.agents[uaid]
	if a == nil {
		a = &agent{uaid: random()}
		s.agents[a.uaid] = a
	}
	s.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.conn = conn
	a.write(answer{"messageType": "hello", "status": 200, "uaid": a.uaid, "use_webpush": true, "broadcasts": answer{}})
	for _, n := range a.queue {
		if time.Now().Before(n.until) {
			a.write(n)
		}
	}
	return a
}

// write is called with a.mu held. A broken connection shows in the reader.
func (a *agent) write(v any) {
	if a.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = wsjson.Write(ctx, a.conn, v)
}

func (a *agent) send(v any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.write(v)
}

// left forgets the connection, unless there is a newer one.
func (a *agent) left(conn *websocket.Conn) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn == conn {
		a.conn = nil
	}
}

func (s *Server) answer(a *agent, f frame) {
	switch f.Type {
	case "register":
		a.send(s.register(a, f))
	case "unregister":
		s.unregister(a, f.Channel)
		a.send(answer{"messageType": "unregister", "status": 200, "channelID": f.Channel})
	case "ack":
		for _, u := range f.Updates {
			s.received(a, u.Version, u.Code)
		}
	case "nack":
		s.received(a, f.Version, f.Code)
	case "": // the browser's ping is an empty object, and so is its answer
		a.send(answer{})
	}
}

func (s *Server) register(a *agent, f frame) answer {
	c := &channel{id: f.Channel, agent: a}
	if f.Key != "" {
		key, err := decode(f.Key)
		if err != nil {
			return answer{"messageType": "register", "status": 400, "channelID": f.Channel}
		}
		c.key = key
	}
	return answer{"messageType": "register", "status": 200, "channelID": f.Channel, "pushEndpoint": s.open(c)}
}

func (s *Server) unregister(a *agent, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.channels {
		if c.agent == a && c.id == id {
			c.gone = true
		}
	}
}

// received takes the message from the queue and notes the browser's code.
func (s *Server) received(a *agent, version string, code int) {
	a.mu.Lock()
	for i, n := range a.queue {
		if n.Version == version {
			a.queue = append(a.queue[:i:i], a.queue[i+1:]...)
			break
		}
	}
	a.mu.Unlock()
	s.note(version, func(m *Message) { m.Received = code })
}

func (s *Server) note(id string, fn func(*Message)) {
	s.Messages.Change(func(all []Message) []Message {
		for i := range all {
			if all[i].ID == id {
				fn(&all[i])
			}
		}
		return all
	})
}

// push queues a message until the browser has acknowledged it, and sends it when
// there is a connection. A topic replaces what waits under it (RFC 8030 5.4).
func (a *agent) push(c *channel, m Message, body []byte) {
	n := notification{
		Type: "notification", Channel: c.id, Version: m.ID, Data: base64.RawURLEncoding.EncodeToString(body),
		Headers: map[string]string{"encoding": "aes128gcm"}, topic: m.Topic, until: m.At.Add(time.Duration(m.TTL) * time.Second),
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.conn == nil && m.TTL == 0 {
		return // kept for nobody (RFC 8030 5.2)
	}
	var kept []notification
	for _, old := range a.queue {
		if m.Topic == "" || old.topic != m.Topic || old.Channel != c.id || a.conn != nil {
			kept = append(kept, old)
		}
	}
	a.queue = append(kept, n)
	a.write(n)
}

// Drop closes every browser's connection; they come back by themselves.
func (s *Server) Drop() {
	s.mu.Lock()
	var open []*websocket.Conn
	for _, a := range s.agents {
		a.mu.Lock()
		if a.conn != nil {
			open = append(open, a.conn)
		}
		a.mu.Unlock()
	}
	s.mu.Unlock()
	for _, c := range open {
		c.CloseNow()
	}
}

// Forget drops every connection and loses every browser's name: at the next hello
// each gets a new one, and its subscriptions are over.
func (s *Server) Forget() {
	s.Drop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.agents = map[string]*agent{}
	for _, c := range s.channels {
		c.gone = c.gone || c.agent != nil
	}
}
