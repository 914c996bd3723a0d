package server

import (
	"context"
	"encoding/base64"

	"github.com/latchkey/latchkey/push"
)

func (s *Server) listDevices(ctx context.Context, _ *struct{}) (*reply[DeviceList], error) {
	account := signedIn(ctx).Account.String()
	mine, err := s.cfg.Devices.Devices(ctx, account)
	if err != nil {
		return nil, err
	}
	mail, err := s.cfg.Devices.MailHint(ctx, account)
	if err != nil { // the devices can be read without the directory
		mail = ""
		s.log.Warn("mail address not read", "id", callOf(ctx).id, "error", err)
	}
	return answer(DeviceList{PublicKey: s.cfg.Devices.PublicKey(), Devices: each(mine, encodeDevice), Mail: mail}), nil
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
	sub := push.Subscription{
		Account: signedIn(ctx).Account.String(), Endpoint: in.Body.Endpoint, P256dh: key, Auth: auth, Key: in.Body.Key,
		Device: callOf(ctx).client(false).Device,
	}
	save := s.cfg.Devices.Subscribe
	if old := in.Body.Replaces; old != "" {
		save = func(ctx context.Context, sub push.Subscription) (push.Subscription, error) {
			return s.cfg.Devices.Replace(ctx, sub, old)
		}
	}
	saved, err := save(ctx, sub)
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
