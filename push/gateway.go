package push

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/secret"
)

// GatewayConfig describes an SMS gateway by one HTTP request. URL, headers and body
// hold {{number}}, {{text}} and {{secret}}; {{json text}} and {{urlquery text}} write
// them as a JSON string and as a part of a URL.
type GatewayConfig struct {
	Method  string // "" is POST
	URL     string // https, or http to this very machine
	Headers []string
	Body    string
	Secret  secret.Text
	// Status are the answers that mean it was taken; none is 200, 201 and 202.
	Status []int
	// Contains must stand in such an answer; "" asks nothing.
	Contains string
	Timeout  time.Duration // 0 is 5 seconds
	// Countries are those that codes go to, "+49"; Hourly is how many in an hour to
	// each of them; 0 is 60.
	Countries []string
	Hourly    int
	Client    *http.Client // nil makes one
}

// Gateway sends SMS.
type Gateway struct {
	cfg    GatewayConfig
	client *http.Client
}

const maxGatewayAnswer = 64 << 10

// NewGateway checks the description by filling it with an example.
func NewGateway(c GatewayConfig) (*Gateway, error) {
	if c.Method == "" {
		c.Method = http.MethodPost
	}
	if len(c.Status) == 0 {
		c.Status = []int{http.StatusOK, http.StatusCreated, http.StatusAccepted}
	}
	if c.Timeout <= 0 {
		c.Timeout = 5 * time.Second
	}
	if c.Hourly <= 0 {
		c.Hourly = 60
	}
	g := &Gateway{cfg: c, client: c.Client}
	if g.client == nil {
		g.client = &http.Client{}
	}
	client := *g.client
	client.Timeout = c.Timeout
	// A gateway that sends elsewhere would send the number and the code there too.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	g.client = &client
	// Whoever sees which names are looked up would read along.
	if strings.Contains(hostOf(c.URL), "{{") {
		return nil, errors.New("url: no word such as {{secret}} stands in its host")
	}
	req, err := g.request(context.Background(), "+4915112345678", "1234 & \"Corp\"\n\n@host #1")
	if err != nil {
		return nil, err
	}
	if req.URL.Scheme != "https" && !(req.URL.Scheme == "http" && local(req.URL.Hostname())) {
		return nil, errors.New("url: https, or http to this machine only: codes do not travel in clear")
	}
	return g, nil
}

// hostOf is the host and port of a description's URL, which url.Parse does not take.
// A name and a password before it go into a header.
func hostOf(description string) string {
	_, rest, _ := strings.Cut(description, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return rest[strings.LastIndexByte(rest, '@')+1:]
}

// words of a description: {{number}}, {{text}} and {{secret}}, each of them also as
// {{json text}}, a JSON string with its quotes, and {{urlquery text}}. A template
// engine would keep every method of every type in the binary, 5 MB of it.
var gatewayWord = regexp.MustCompile(`\{\{ *(?:(json|urlquery) +)?(number|text|secret) *\}\}`)

func (g *Gateway) fill(in, number, text string) (string, error) {
	if strings.Contains(gatewayWord.ReplaceAllLiteralString(in, ""), "{{") {
		return "", errors.New("takes {{number}}, {{text}} and {{secret}}, and before each of them json or urlquery")
	}
	values := map[string]string{"number": number, "text": text, "secret": g.cfg.Secret.Reveal()}
	return gatewayWord.ReplaceAllStringFunc(in, func(word string) string {
		m := gatewayWord.FindStringSubmatch(word)
		switch v := values[m[2]]; m[1] {
		case "json":
			b, _ := json.Marshal(v) // a string always can
			return string(b)
		case "urlquery":
			return url.QueryEscape(v)
		default:
			return v
		}
	}), nil
}

func (g *Gateway) request(ctx context.Context, number, text string) (*http.Request, error) {
	to, err := g.fill(g.cfg.URL, number, text)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	if u, err := url.Parse(to); err != nil || u.Host == "" {
		return nil, errors.New("url: is no URL with a host")
	}
	body, err := g.fill(g.cfg.Body, number, text)
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, g.cfg.Method, to, strings.NewReader(body))
	if err != nil {
		return nil, errors.New("url or method: no request can be made of them")
	}
	for _, h := range g.cfg.Headers {
		line, err := g.fill(h, number, text)
		if err != nil {
			return nil, fmt.Errorf("headers: %w", err)
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(line, "\r\n") {
			return nil, errors.New(`headers: each is "Name: value"`)
		}
		req.Header.Set(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return req, nil
}

// country is the longest of the countries that the number begins with.
func (g *Gateway) country(number string) (string, bool) {
	best := ""
	for _, c := range g.cfg.Countries {
		if strings.HasPrefix(number, c) && len(c) > len(best) {
			best = c
		}
	}
	return best, best != ""
}

// send returns once the gateway has taken it. No error holds what was sent, nor what
// the gateway answered, which may quote it.
func (g *Gateway) send(ctx context.Context, number, text string) error {
	if g == nil {
		return errors.New("there is no SMS gateway")
	}
	req, err := g.request(ctx, number, text)
	if err != nil {
		return err
	}
	res, err := g.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) && u.Timeout() {
			return errors.New("SMS gateway: no answer in time")
		}
		return errors.New("SMS gateway: not reached")
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxGatewayAnswer))
	if err != nil {
		return errors.New("SMS gateway: its answer broke off")
	}
	if !slices.Contains(g.cfg.Status, res.StatusCode) {
		return fmt.Errorf("SMS gateway: answers %d", res.StatusCode)
	}
	if !bytes.Contains(answer, []byte(g.cfg.Contains)) {
		return errors.New("SMS gateway: its answer does not say that it took it")
	}
	return nil
}
