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
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/latchkey/latchkey/secret"
)

// GatewayConfig describes an SMS gateway by one HTTP request. URL, headers and body
// are templates (text/template) with number, text and secret, and with json and
// urlquery to write them as JSON strings and as parts of a URL.
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
	url    *template.Template
	body   *template.Template
	header []*template.Template
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
	var err error
	if g.url, err = gatewayTemplate(c.URL); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	if g.body, err = gatewayTemplate(c.Body); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	for _, h := range c.Headers {
		t, err := gatewayTemplate(h)
		if err != nil {
			return nil, fmt.Errorf("headers: %w", err)
		}
		g.header = append(g.header, t)
	}
	req, err := g.request(context.Background(), "+4915112345678", "1234")
	if err != nil {
		return nil, err
	}
	if req.URL.Scheme != "https" && !(req.URL.Scheme == "http" && local(req.URL.Hostname())) {
		return nil, errors.New("url: https, or http to this machine only: codes do not travel in clear")
	}
	return g, nil
}

// gatewayWords stand for values that each request fills in.
var gatewayWords = template.FuncMap{
	"number": func() string { return "" }, "text": func() string { return "" }, "secret": func() string { return "" },
	"json": func(s string) (string, error) { b, err := json.Marshal(s); return string(b), err },
}

func gatewayTemplate(text string) (*template.Template, error) {
	t, err := template.New("").Funcs(gatewayWords).Parse(text)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: :"))
	}
	return t, nil
}

func (g *Gateway) fill(t *template.Template, number, text string) (string, error) {
	t, err := t.Clone()
	if err != nil {
		return "", fmt.Errorf("fill: %w", err)
	}
	is := func(s string) func() string { return func() string { return s } }
	t.Funcs(template.FuncMap{"number": is(number), "text": is(text), "secret": is(g.cfg.Secret.Reveal())})
	var b bytes.Buffer
	if err := t.Execute(&b, nil); err != nil {
		return "", fmt.Errorf("fill: %w", err)
	}
	return b.String(), nil
}

func (g *Gateway) request(ctx context.Context, number, text string) (*http.Request, error) {
	to, err := g.fill(g.url, number, text)
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(to); err != nil || u.Host == "" {
		return nil, errors.New("url: is no URL with a host")
	}
	body, err := g.fill(g.body, number, text)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, g.cfg.Method, to, strings.NewReader(body))
	if err != nil {
		return nil, errors.New("url or method: no request can be made of them")
	}
	for _, h := range g.header {
		line, err := g.fill(h, number, text)
		if err != nil {
			return nil, err
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
