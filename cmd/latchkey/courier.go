package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/server"
)

// Bring is enroll.Courier's.
func (n *notices) Bring(ctx context.Context, c enroll.SentCode) error {
	s := n.service()
	if s == nil {
		return fmt.Errorf("send code: %w", enroll.ErrNotSent)
	}
	return asBrought(s.SendCode(ctx, push.Code{
		SMS: c.Kind == enroll.ProofSMSCode, To: c.To, Code: c.Code, Language: c.Language,
		Stranger: c.Stranger, Known: c.Known, From: c.From,
	}))
}

// asBrought is push's error in enroll's words.
func asBrought(err error) error {
	var often push.TooOften
	if errors.As(err, &often) {
		return enroll.SentOften{Wait: often.Wait, Country: often.Country}
	}
	for of, as := range map[error]error{push.ErrNotSent: enroll.ErrNotSent, push.ErrCountry: enroll.ErrCountry} {
		if errors.Is(err, of) {
			return as
		}
	}
	return err
}

// openGateway is nil where no codes go out by SMS.
func openGateway(cfg config.Config) (*push.Gateway, error) {
	if cfg.Proofs.SMSCode == nil {
		return nil, nil
	}
	c, err := gatewayOf(*cfg.Proofs.SMSCode)
	if err != nil {
		return nil, fmt.Errorf("SMS gateway: %w", err)
	}
	g, err := push.NewGateway(c)
	if err != nil {
		return nil, fmt.Errorf("proofs.sms_code.gateway: %w", err)
	}
	return g, nil
}

func gatewayOf(c config.SMSCode) (push.GatewayConfig, error) {
	key, err := c.Gateway.Secret()
	return push.GatewayConfig{
		Method: c.Gateway.Method, URL: c.Gateway.URL, Headers: c.Gateway.Headers, Body: c.Gateway.Body, Secret: key,
		Status: c.Gateway.Success.Status, Contains: c.Gateway.Success.Contains, Timeout: c.Gateway.Timeout,
		Countries: c.Countries, Hourly: c.Hourly,
	}, err
}

// proofSettings takes the security keys as they were read before: reading can fail.
func proofSettings(c config.Config, hardware *enroll.HardwareKeys) enroll.ProofSettings {
	p := c.Proofs
	out := enroll.ProofSettings{Hardware: hardware}
	if m := p.MailCode; m != nil {
		out.Mail = enroll.AddressSource{Attribute: m.Attribute, Verified: m.Verified}
	}
	if m := p.SMSCode; m != nil {
		out.SMS = enroll.AddressSource{Attribute: m.Attribute, Verified: m.Verified}
	}
	if p.PIN != nil {
		out.PINDigits = p.PIN.Digits
	}
	if q := p.Questions; q != nil {
		out.AskCount = q.Asked()
		for _, one := range q.List {
			out.Questions = append(out.Questions, enroll.Question{ID: one.ID, English: one.English, German: one.German})
		}
	}
	if p.Directory != nil {
		out.Directory = p.Directory.Attribute
	}
	return out
}

func attributeWords(c config.Config) *server.Words {
	if c.Proofs.Directory == nil {
		return nil
	}
	return &server.Words{English: c.Proofs.Directory.English, German: c.Proofs.Directory.German}
}
