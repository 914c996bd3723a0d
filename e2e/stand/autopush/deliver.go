package autopush

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// path of every endpoint, before the token.
const path = "/wpush/v2/"

// maxBody is what a push service has to take (RFC 8030 7.2).
const maxBody = 4096

// refusal is a status with the reason that the list of messages gives.
type refusal struct {
	status int
	reason string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s", r.status, r.reason) }

// deliver is RFC 8030 5: POST to the endpoint. The message is in the list before
// anybody has an answer.
func (s *Server) deliver(w http.ResponseWriter, r *http.Request) {
	m := Message{ID: random(), Token: strings.TrimPrefix(r.URL.Path, path), At: time.Now(), Status: http.StatusCreated}
	if f, ok := s.fault(); ok {
		m.Status, m.Problem = f.Status, "as told"
		s.Messages.Add(m)
		s.fail(w, r, f)
		return
	}
	body, c, no := s.check(r, &m)
	if no != nil {
		m.Status, m.Problem = no.status, no.reason
		s.Messages.Add(m)
		http.Error(w, no.reason, no.status)
		return
	}
	if c.receiver != nil {
		m.Text, m.Received = c.receiver.read(body)
	}
	s.Messages.Add(m)
	w.Header().Set("Location", Origin+"/m/"+m.ID)
	w.Header().Set("TTL", strconv.Itoa(m.TTL))
	w.WriteHeader(http.StatusCreated)
	if c.agent != nil {
		c.agent.push(c, m, body)
	}
}

func (s *Server) check(r *http.Request, m *Message) ([]byte, *channel, *refusal) {
	if no := headers(r, m); no != nil {
		return nil, nil, no
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	m.Size = len(body)
	if err != nil {
		return nil, nil, &refusal{400, "the body can't be read"}
	}
	if len(body) > maxBody {
		return nil, nil, &refusal{413, "more than 4096 bytes"}
	}
	c, no := s.channel(m.Token)
	if no == nil {
		no = authorise(r, m, c.key)
	}
	return body, c, no
}

var (
	topic     = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)
	urgencies = []string{"", "very-low", "low", "normal", "high"}
)

// headers checks RFC 8030 5.2 to 5.4.
func headers(r *http.Request, m *Message) *refusal {
	var err error
	m.TTL, err = strconv.Atoi(r.Header.Get("TTL"))
	m.Urgency, m.Topic = r.Header.Get("Urgency"), r.Header.Get("Topic")
	switch {
	case r.Host != Host:
		return &refusal{421, "for another host"}
	case !strings.HasPrefix(r.URL.Path, path):
		return &refusal{404, "no endpoint"}
	case r.Method != http.MethodPost:
		return &refusal{405, "not a POST"}
	case err != nil || m.TTL < 0:
		return &refusal{400, "no TTL"}
	case !slices.Contains(urgencies, m.Urgency):
		return &refusal{400, "no such urgency"}
	case m.Topic != "" && !topic.MatchString(m.Topic):
		return &refusal{400, "no topic"}
	case r.Header.Get("Content-Encoding") != "aes128gcm":
		return &refusal{400, "not aes128gcm"}
	}
	return nil
}

func (s *Server) channel(token string) (*channel, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.channels[token]
	if c == nil {
		return nil, &refusal{404, "no such subscription"}
	}
	if c.gone {
		return nil, &refusal{410, "the subscription is over"}
	}
	return c, nil
}
