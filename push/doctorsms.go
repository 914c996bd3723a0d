package push

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/latchkey/latchkey/doctor"
)

// What DoctorGateway finds.
var (
	FoundSMSConfig       = doctor.Kind{ID: "sms.config", Severity: doctor.Failure, Why: "The server does not start with such a gateway."}
	FoundSMSNumber       = doctor.Kind{ID: "sms.number-missing", Severity: doctor.Failure, Why: "The gateway is not told whom a code is for, so none arrives."}
	FoundSMSText         = doctor.Kind{ID: "sms.text-missing", Severity: doctor.Failure, Why: "The SMS would say nothing: its code is not in it, and is of no use."}
	FoundSMSSecretNone   = doctor.Kind{ID: "sms.secret-missing", Severity: doctor.Failure, Why: "The gateway gets an empty key and refuses, so no code leaves."}
	FoundSMSSecretUnsent = doctor.Kind{ID: "sms.secret-unused", Severity: doctor.Warning, Why: "A gateway that wants its key refuses every code; one that does not sends for everybody who finds it."}
	FoundSMSUnresolved   = doctor.Kind{ID: "sms.unresolved", Severity: doctor.Failure, Why: "No code leaves by SMS: the gateway's name leads nowhere from here."}
	FoundSMSDown         = doctor.Kind{ID: "sms.unreachable", Severity: doctor.Failure, Why: "No code leaves by SMS: people whose only proof it is are not let in."}
	FoundSMSTrust        = doctor.Kind{ID: "sms.tls-chain", Severity: doctor.Failure, Why: "The gateway could be anybody: its certificate leads to no authority that is trusted here, so no code leaves."}
	FoundSMSName         = doctor.Kind{ID: "sms.tls-name", Severity: doctor.Failure, Why: "The certificate is another machine's, so no code leaves."}
	FoundSMSExpired      = doctor.Kind{ID: "sms.tls-expired", Severity: doctor.Failure, Why: "A certificate past its time is refused, so no code leaves."}
	FoundSMSOld          = doctor.Kind{ID: "sms.tls-old", Severity: doctor.Failure, Why: "The gateway speaks no TLS 1.2, so no code leaves."}
	FoundSMSDays         = doctor.Kind{ID: "sms.tls-days", Severity: doctor.Warning, Why: "When the certificate ends, no code leaves by SMS any more. Whoever runs the gateway renews it."}
)

var smsKinds = []doctor.Kind{
	FoundSMSConfig, FoundSMSNumber, FoundSMSText, FoundSMSSecretNone, FoundSMSSecretUnsent, FoundSMSUnresolved, FoundSMSDown,
	FoundSMSTrust, FoundSMSName, FoundSMSExpired, FoundSMSOld, FoundSMSDays,
}

const gatewayKey = "proofs.sms_code.gateway"

func gatewayLine(format string, args ...any) doctor.Line {
	return configLine("proofs: {sms_code: {gateway: {%s}}}", fmt.Sprintf(format, args...))
}

// gatewayExamples are right parts of a description, by what NewGateway complains of.
var gatewayExamples = map[string]string{
	"url":     `url: "https://sms.your-domain.example/send"`,
	"headers": `headers: ["Authorization: Bearer {{secret}}", "Content-Type: application/json"]`,
	"body":    `body: '{"to": {{json number}}, "text": {{json text}}}'`,
}

// DoctorGateway checks the request that sends a code, and whether its gateway can be
// reached. No SMS is sent: neither number nor text nor key leaves.
func DoctorGateway(ctx context.Context, c GatewayConfig, r *doctor.Report) {
	g, err := NewGateway(c)
	if err != nil {
		part, _, _ := strings.Cut(err.Error(), ":")
		right, known := gatewayExamples[part]
		if !known {
			right = gatewayExamples["url"]
		}
		r.Found(FoundSMSConfig, gatewayKey, err.Error(), gatewayLine("%s", right))
		return
	}
	g.doctorRequest(r)
	g.doctorReach(ctx, r)
}

// doctorRequest: a word that is missing makes no request that can't be sent.
func (g *Gateway) doctorRequest(r *doctor.Report) {
	has := map[string]bool{}
	for _, part := range append([]string{g.cfg.URL, g.cfg.Body}, g.cfg.Headers...) {
		for _, m := range gatewayWord.FindAllStringSubmatch(part, -1) {
			has[m[2]] = true
		}
	}
	before := r.Worst()
	if !has["number"] {
		r.Found(FoundSMSNumber, gatewayKey, "Neither url nor headers nor body hold {{number}}.", gatewayLine("%s", gatewayExamples["body"]))
	}
	if !has["text"] {
		r.Found(FoundSMSText, gatewayKey, "Neither url nor headers nor body hold {{text}}.", gatewayLine("%s", gatewayExamples["body"]))
	}
	switch empty := g.cfg.Secret.Empty(); {
	case has["secret"] && empty:
		r.Found(FoundSMSSecretNone, gatewayKey, "The request holds {{secret}}, and there is neither secret_file nor secret_env.",
			shellLine("install -m 600 -o latchkey /dev/stdin /etc/latchkey/sms.secret   # the gateway's key"), gatewayLine("secret_file: /etc/latchkey/sms.secret"))
	case !has["secret"] && !empty:
		r.Found(FoundSMSSecretUnsent, gatewayKey, "Neither url nor headers nor body hold {{secret}}, and there is one.", gatewayLine("%s", gatewayExamples["headers"]))
	}
	if r.Worst() == before {
		r.Good("sms.request", gatewayKey, "It says to whom, and what.")
	}
}

// doctorReach asks the gateway's machine for the head of its root page, whose answer
// does not matter, by the way that a code takes.
func (g *Gateway) doctorReach(ctx context.Context, r *doctor.Report) {
	sends, err := g.request(ctx, "", "")
	if err != nil {
		r.Found(FoundSMSConfig, gatewayKey, err.Error(), gatewayLine("%s", gatewayExamples["url"]))
		return
	}
	root := &url.URL{Scheme: sends.URL.Scheme, Host: sends.URL.Host, Path: "/"}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, root.String(), nil)
	if err != nil {
		r.Found(FoundSMSConfig, gatewayKey, err.Error(), gatewayLine("%s", gatewayExamples["url"]))
		return
	}
	began := time.Now()
	res, err := g.client.Do(req)
	if err != nil {
		unreachedGateway(root, err, r)
		return
	}
	defer res.Body.Close()
	r.Good("sms.gateway", root.Host, fmt.Sprintf("It answers, in %d ms. No SMS was sent.", time.Since(began).Milliseconds()))
	if res.TLS != nil {
		gatewayDays(root, *res.TLS, r)
	}
}

var renewGateway = doctor.Do("Whoever runs the gateway has to mend it there: write to them, or take another gateway.")

// openssl shows the certificate that a gateway has.
func openssl(at *url.URL) doctor.Line {
	port := at.Port()
	if port == "" {
		port = "443"
	}
	return shellLine("openssl s_client -connect %s -showcerts", net.JoinHostPort(at.Hostname(), port))
}

func unreachedGateway(at *url.URL, err error, r *doctor.Report) {
	said := lastError(err)
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		r.Found(FoundSMSUnresolved, at.Host, said, shellLine("getent hosts %s", at.Hostname()), gatewayLine("%s", gatewayExamples["url"]))
		return
	}
	switch doctor.TLSFaultOf(err) {
	case doctor.TLSName:
		r.Found(FoundSMSName, at.Host, said, openssl(at), gatewayLine("url: https://NAME-IN-THE-CERTIFICATE/…"))
	case doctor.TLSExpired:
		r.Found(FoundSMSExpired, at.Host, said, openssl(at), renewGateway)
	case doctor.TLSOld:
		r.Found(FoundSMSOld, at.Host, said, openssl(at), gatewayLine("%s", gatewayExamples["url"]), renewGateway)
	case doctor.TLSUntrusted, doctor.TLSSelfSigned:
		r.Found(FoundSMSTrust, at.Host, said, openssl(at), shellLine("update-ca-certificates   # with its authority in /usr/local/share/ca-certificates"))
	default:
		r.Found(FoundSMSDown, at.Host, said, shellLine("curl -v -I %s", at), doctor.Do("Let this machine out to %s, or correct the address:", at.Host), gatewayLine("%s", gatewayExamples["url"]))
	}
}

func gatewayDays(at *url.URL, state tls.ConnectionState, r *doctor.Report) {
	leaf := state.PeerCertificates[0]
	left, bad := doctor.TLSLeft(leaf, time.Now())
	if bad >= doctor.Warning {
		r.Found(FoundSMSDays, at.Host, fmt.Sprintf("The certificate ends in %d days, on %s.", int(left.Hours()/24), leaf.NotAfter.Format(time.DateOnly)), openssl(at), renewGateway)
		return
	}
	r.Good("sms.tls", at.Host, fmt.Sprintf("%s; the certificate is trusted and good until %s.", tls.VersionName(state.Version), leaf.NotAfter.Format(time.DateOnly)))
}
