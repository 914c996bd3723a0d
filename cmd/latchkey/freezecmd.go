package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

type freezesCmd struct{ where }

type unfreezeCmd struct {
	where
	Account      string
	WithoutProof bool
}

// frozenCall asks for the list of frozen accounts.
type frozenCall struct{}

// frozenAccount is one of them, for the command line.
type frozenAccount struct {
	Name    string    `json:"name"`
	Account string    `json:"account"`
	By      string    `json:"by"`
	Request string    `json:"request"`
	At      time.Time `json:"at"`
	Asked   time.Time `json:"asked,omitzero"` // its owner proved that it is them
	Proved  []string  `json:"proved,omitempty"`
}

// unfreezeCall asks to lift one.
type unfreezeCall struct {
	Account      string `json:"account"`
	WithoutProof bool   `json:"without_proof"`
	User         string `json:"user"` // whoever runs the command, for the log
}

var (
	callFrozen   = control[frozenCall, []frozenAccount]{"/frozen", (*app).frozen}
	callUnfreeze = control[unfreezeCall, frozenAccount]{"/unfreeze", (*app).unfreeze}
)

var errUnproved = errors.New("its owner has not proved that it is them: let them choose \"It is me again\" first, signed in or on the way in without a passkey. " +
	"If they can't, and you are sure that it is them, use --without-proof; the log keeps that, and who you are")

// byOwner stands for who froze their own account, by whichever way.
const byOwner = "its owner (this wasn't me)"

// Run lists them, newest first.
func (c freezesCmd) Run(ctx context.Context, s streams) error {
	all, err := carryOut(ctx, c.where, s, callFrozen, frozenCall{})
	if err != nil {
		return fmt.Errorf("list freezes: %w", err)
	}
	if len(all) == 0 {
		fmt.Fprintln(s.out, "No account is frozen.")
	}
	for _, f := range all {
		fmt.Fprintf(s.out, "%s  %s (%s), by %s", f.At.Local().Format("2006-01-02 15:04"), f.Name, f.Account, f.By)
		if f.Request != "" {
			fmt.Fprintf(s.out, ", request %s", f.Request)
		}
		if !f.Asked.IsZero() {
			with := "a passkey" // also what an earlier release wrote down
			if len(f.Proved) > 0 && !slices.ContainsFunc(f.Proved, func(k string) bool { return enroll.ProofKind(k).IsPasskey() }) {
				with = strings.Join(f.Proved, " and ")
			}
			fmt.Fprintf(s.out, ", proved with %s at %s that it is them", with, f.Asked.Local().Format("2006-01-02 15:04"))
		}
		fmt.Fprintln(s.out)
	}
	return nil
}

// Run lifts a freeze. Latchkey then serves the account again; what the freeze
// stopped has to be asked for anew.
func (c unfreezeCmd) Run(ctx context.Context, s streams) error {
	f, err := carryOut(ctx, c.where, s, callUnfreeze, unfreezeCall{c.Account, c.WithoutProof, whoami()})
	if err != nil {
		return fmt.Errorf("unfreeze %s: %w", c.Account, err)
	}
	fmt.Fprintf(s.out, "%s (%s) is no longer frozen.\n", f.Name, f.Account)
	if f.Asked.IsZero() {
		fmt.Fprintln(s.out, "Its owner had not proved that it is them. The log says so, and by whom it was lifted.")
	}
	return nil
}

// whoami is who runs this command, as far as the machine knows: whoever may run it can
// also say something else.
func whoami() string {
	name := strconv.Itoa(os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if by := os.Getenv("SUDO_USER"); by != "" {
		name += ", sudo by " + by
	}
	return name
}

func (a *app) frozen(ctx context.Context, _ frozenCall) ([]frozenAccount, error) {
	all, err := a.store.AllFrozen(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]frozenAccount, 0, len(all))
	for _, f := range all {
		out = append(out, a.describe(ctx, f))
	}
	return out, nil
}

// describe names the people; one whom the directory doesn't tell keeps the
// objectGUID, so that the list works without a directory.
func (a *app) describe(ctx context.Context, f workflow.Freeze) frozenAccount {
	out := frozenAccount{Name: "unknown", Account: f.Account.String(), By: f.By.String(), Request: f.Request, At: f.At, Asked: f.Asked}
	for _, kind := range f.Proved {
		out.Proved = append(out.Proved, string(kind))
	}
	if who, err := a.dir.Account(ctx, f.Account); err == nil {
		out.Name, out.Account = plainName(who), plainText(who.SAMAccountName)
	}
	if f.By == f.Account && f.Request == "" {
		out.By = byOwner
	} else if by, err := a.dir.Account(ctx, f.By); err == nil {
		out.By = plainName(by)
	}
	return out
}

func (a *app) unfreeze(ctx context.Context, call unfreezeCall) (frozenAccount, error) {
	id, err := ad.ParseGUID(call.Account) // of an account that the directory may have lost
	if err != nil {
		id, err = a.dir.Resolve(ctx, call.Account)
	}
	if errors.Is(err, ad.ErrNotFound) {
		return frozenAccount{}, errNobody
	}
	if err != nil {
		return frozenAccount{}, err
	}
	was, err := a.store.Frozen(ctx, id)
	if err != nil {
		return frozenAccount{}, err
	}
	err = a.engine.Unfreeze(ctx, id, workflow.Lifter{By: audit.ActorOperator, User: call.User, WithoutProof: call.WithoutProof})
	if errors.Is(err, workflow.ErrUnproved) {
		return frozenAccount{}, errUnproved
	}
	if errors.Is(err, workflow.ErrNotFrozen) {
		return frozenAccount{}, errors.New("this account is not frozen")
	}
	if err != nil {
		return frozenAccount{}, err
	}
	out := a.describe(ctx, workflow.Freeze{Account: id, At: time.Now()})
	if was != nil {
		out.Asked = was.Asked
	}
	return out, nil
}
