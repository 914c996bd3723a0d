package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rsc.io/qr"

	"github.com/latchkey/latchkey/config"
)

type inviteCmd struct {
	Config     string        `help:"The server's configuration; or --data." type:"path" placeholder:"FILE" xor:"where" required:""`
	Data       string        `help:"The data directory of a running server or demo; or --config." type:"path" placeholder:"DIR" xor:"where" required:""`
	Valid      time.Duration `help:"How long the link is good, at most 720h. Default: enrolment.invitation_valid."`
	NoPassword bool          `help:"Don't ask for the current password. Only for a link that you hand over in person."`
	QR         bool          `name:"qr" help:"Also draw the link as a QR code."`
	Account    string        `arg:"" help:"Whom to invite: user@domain, DOMAIN\\name or the logon name."`
}

// Run makes the link through the running server, or by itself when none runs.
func (c inviteCmd) Run(ctx context.Context, s streams) error {
	call := inviteCall{Account: c.Account, Valid: c.Valid}
	if c.NoPassword {
		no := false
		call.Password = &no
	}
	answer, err := c.invite(ctx, call, s)
	if err != nil {
		return fmt.Errorf("invite %s: %w", c.Account, err)
	}
	fmt.Fprintf(s.out, "For %s, once, until %s:\n%s\n", answer.Name, answer.Expires.Local().Format("Mon 2 Jan 15:04"), answer.Link)
	if c.QR {
		return drawQR(s, answer.Link)
	}
	return nil
}

func (c inviteCmd) invite(ctx context.Context, call inviteCall, s streams) (inviteAnswer, error) {
	if c.Data != "" {
		answer, err := callInvite(ctx, c.Data, call)
		if errors.Is(err, errNotRunning) {
			return answer, fmt.Errorf("no server runs in %s: name its configuration with --config instead", c.Data)
		}
		return answer, err
	}
	loaded, err := config.Load(c.Config)
	if err != nil {
		return inviteAnswer{}, err
	}
	answer, err := callInvite(ctx, loaded.Data, call)
	if !errors.Is(err, errNotRunning) {
		return answer, err
	}
	unlock, err := lockData(loaded.Data)
	if err != nil {
		return inviteAnswer{}, err
	}
	defer unlock()
	a, err := openApp(ctx, loaded, s)
	if err != nil {
		return inviteAnswer{}, err
	}
	defer a.close()
	return a.invite(ctx, call)
}

// drawQR draws two rows of modules with each line of half blocks, dark on light
// as scanners want it.
func drawQR(s streams, text string) error {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return fmt.Errorf("draw QR code: %w", err)
	}
	const quiet = 4
	light := func(x, y int) bool { return !code.Black(x, y) }
	for y := -quiet; y < code.Size+quiet; y += 2 {
		for x := -quiet; x < code.Size+quiet; x++ {
			fmt.Fprint(s.out, halfBlock(light(x, y), light(x, y+1)))
		}
		fmt.Fprintln(s.out)
	}
	return nil
}

func halfBlock(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	}
	return " "
}
