package server

import (
	"context"
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/latchkey/latchkey/push"
)

func (s *Server) listDevices(ctx context.Context, _ *struct{}) (*reply[DeviceList], error) {
	mine, err := s.cfg.Devices.Devices(ctx, signedIn(ctx).Account.String())
	if err != nil {
		return nil, err
	}
	mail, err := s.mail(ctx)
	if err != nil {
		return nil, err
	}
	return answer(DeviceList{PublicKey: s.cfg.Devices.PublicKey(), Devices: each(mine, encodeDevice), Mail: mail}), nil
}

// mail is the masked address that mails go to, or "".
func (s *Server) mail(ctx context.Context) (string, error) {
	if !s.cfg.Mail {
		return "", nil
	}
	account, err := s.cfg.Requests.Account(ctx, actor(ctx))
	if err != nil {
		return "", err
	}
	return masked(account.Mail), nil
}

// masked leaves of an address what its owner knows it by: "a…@example.test".
func masked(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || !utf8.ValidString(address) {
		return ""
	}
	_, first := utf8.DecodeRuneInString(address)
	return address[:first] + "…" + address[at:]
}

type subscribe struct{ Body SubscribeDevice }

func (s *Server) subscribe(ctx context.Context, in *subscribe) (*reply[Device], error) {
	key, err := base64.RawURLEncoding.DecodeString(in.Body.P256dh)
	if err != nil {
		return nil, push.ErrEndpoint
	}
	auth, err := base64.RawURLEncoding.DecodeString(in.Body.Auth)
	if err != nil {
		return nil, push.ErrEndpoint
	}
	saved, err := s.cfg.Devices.Subscribe(ctx, push.Subscription{
		Account: signedIn(ctx).Account.String(), Endpoint: in.Body.Endpoint, P256dh: key, Auth: auth,
		Device: callOf(ctx).client(false).Device,
	})
	if err != nil {
		return nil, err
	}
	return answer(encodeDevice(saved)), nil
}

func (s *Server) testDevice(ctx context.Context, in *emptyByID) (*nothing, error) {
	return &nothing{}, s.cfg.Devices.Test(ctx, signedIn(ctx).Account.String(), in.ID)
}

func (s *Server) removeDevice(ctx context.Context, in *emptyByID) (*nothing, error) {
	return &nothing{}, s.cfg.Devices.Remove(ctx, signedIn(ctx).Account.String(), in.ID)
}

// encodeDevice leaves the endpoint and the keys out: they are secrets.
func encodeDevice(d push.Subscription) Device {
	return Device{
		ID: d.ID, Device: d.Device, Created: stamp(d.Created), Renewed: stamp(d.Renewed),
		Reached: stamp(d.Reached), Failed: d.Failed,
	}
}
