package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/latchkey/latchkey/audit"
	"github.com/latchkey/latchkey/config"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/secret"
)

type (
	keysListCmd   struct{ where }
	keysRotateCmd struct{ where }
)

// keyCall takes nothing.
type keyCall struct{}

// keyState is what the process that holds the database knows.
type keyState struct {
	File   string         `json:"file"`
	Active string         `json:"active"` // the key that it seals with
	Sealed map[string]int `json:"sealed"` // values by key
	Others []db.Server    `json:"others"` // servers on the same database
}

type resealCall struct {
	At db.ResealAt `json:"at"`
}

type resealAnswer struct {
	At db.ResealAt `json:"at"`
	db.Resealed
}

// rotatedCall ends a rotation.
type rotatedCall struct {
	Retired  []string `json:"retired"`
	Resealed int      `json:"resealed"`
}

var (
	callKeys     = control[keyCall, keyState]{"/keys", (*app).keyState}
	callTellKeys = control[keyCall, keyState]{"/keys/tell", (*app).tellKeys}
	callLoadKeys = control[keyCall, keyState]{"/keys/load", (*app).loadKeys}
	callReseal   = control[resealCall, resealAnswer]{"/keys/reseal", (*app).reseal}
	callRotated  = control[rotatedCall, keyState]{"/keys/rotated", (*app).rotated}
)

// keyStep is told of every step of a rotation, in the command and in the server.
// Tests kill the process there.
var keyStep = func(string) {}

func (a *app) keyState(ctx context.Context, _ keyCall) (keyState, error) {
	file, err := filepath.Abs(a.cfg.KeyFile())
	if err != nil {
		return keyState{}, err
	}
	sealed, err := a.store.SealedUnder(ctx)
	if err != nil {
		return keyState{}, err
	}
	others, err := a.store.Others(ctx)
	return keyState{File: file, Active: a.box.Active(), Sealed: sealed, Others: others}, err
}

// loadKeys reads the key file again. A file that lacks a key which something is
// sealed under is refused: the database would lose what that key opens.
func (a *app) loadKeys(ctx context.Context, _ keyCall) (none keyState, err error) {
	a.keys.Lock() // who reads last loads last
	defer a.keys.Unlock()
	sealed, err := a.store.SealedUnder(ctx)
	if err != nil {
		return none, err
	}
	keys, err := secret.Keys(a.cfg.KeyFile())
	if err != nil {
		return none, err
	}
	mine := a.box.IDs()
	for id, n := range sealed {
		lost := !slices.ContainsFunc(keys, func(k secret.Key) bool { return k.ID == id })
		if lost && slices.Contains(mine, id) {
			return none, fmt.Errorf("%d values are sealed under key %s, which %s does not hold: put it back", n, id, a.cfg.KeyFile())
		}
	}
	if err := a.box.Load(a.cfg.KeyFile()); err != nil {
		return none, err
	}
	keyStep("server loaded")
	return a.keyState(ctx, keyCall{})
}

// resealTime bounds one call, so that the command hears of how far it is.
const resealTime = 2 * time.Second

func (a *app) reseal(ctx context.Context, call resealCall) (out resealAnswer, err error) {
	out.At = call.At
	for end := time.Now().Add(resealTime); !out.At.Done && time.Now().Before(end); {
		next, did, err := a.store.Reseal(ctx, out.At)
		if err != nil {
			return out, err
		}
		out.At = next
		out.Resealed.Resealed += did.Resealed
		out.Unreadable += did.Unreadable
		keyStep("server resealed")
	}
	return out, nil
}

// rotated records the end of a rotation, unless something is still sealed under a
// key that is to go.
func (a *app) rotated(ctx context.Context, call rotatedCall) (none keyState, err error) {
	state, err := a.keyState(ctx, keyCall{})
	if err != nil {
		return none, err
	}
	for _, id := range call.Retired {
		if n := state.Sealed[id]; n > 0 || id == state.Active {
			return none, stillSealed(id, n)
		}
	}
	if behind := without(state.Others, func(o db.Server) bool { return o.Keys[0] == state.Active }); len(behind) > 0 {
		return none, &behindError{behind, sealsOther, state.File}
	}
	err = a.store.RecordRotation(ctx, state.Active, call.Retired, audit.Event{
		Time: now(), Action: audit.KeysRotated, Actor: audit.ActorOperator, Outcome: audit.OK,
		Detail: map[string]any{"key": state.Active, "retired": call.Retired, "resealed": call.Resealed},
	})
	if meanwhile := (*db.StillSealedError)(nil); errors.As(err, &meanwhile) {
		err = fmt.Errorf("%d values were sealed under key %s meanwhile: nothing is lost, and the key stays in the file. "+
			"Run the same command again", meanwhile.Values, meanwhile.Key)
	}
	keyStep("server recorded")
	return state, err
}

func stillSealed(id string, n int) error {
	return fmt.Errorf("%d values bear the id of key %s and can't be opened with it: the key stays in the file. Notices among them go "+
		"within seven days, devices when their owner opens the app or removes them; rotate again then", n, id)
}

// keyHolder is the process that holds the database: the running server, or this one.
type keyHolder struct {
	dir  string // of the server
	app  *app   // nil where a server runs
	shut func()
}

func askKeys[In, Out any](ctx context.Context, h keyHolder, c control[In, Out], in In) (Out, error) {
	if h.app != nil {
		return c.do(h.app, ctx, in)
	}
	return c.ask(ctx, h.dir, in)
}

// holdKeys finds the server, or opens the database where none runs. It needs no
// directory.
func holdKeys(ctx context.Context, w where, s streams) (keyHolder, error) {
	h := keyHolder{dir: w.Data, shut: func() {}}
	var cfg config.Config
	if w.Data == "" {
		var err error
		if cfg, err = config.Load(w.Config); err != nil {
			return h, err
		}
		h.dir = cfg.Data
	}
	_, err := askKeys(ctx, h, callKeys, keyCall{})
	switch {
	case !errors.Is(err, errNotRunning):
		return h, err
	case w.Data != "":
		return h, fmt.Errorf("no server runs in %s: name its configuration with --config instead", w.Data)
	}
	return h, h.open(ctx, cfg, s)
}

func (h *keyHolder) open(ctx context.Context, cfg config.Config, s streams) error {
	unlock, err := lockData(cfg.Data)
	if err != nil {
		return err
	}
	a := &app{cfg: cfg}
	a.reloads.start(cfg)
	a.log = newLogger(cfg.Log, &a.level, s)
	if a.box, err = secret.LoadBox(cfg.KeyFile(), false); err != nil {
		unlock()
		return fmt.Errorf("open key file: %w", err)
	}
	where, err := databaseOf(cfg)
	if err != nil {
		unlock()
		return err
	}
	where.Box, where.Now, where.Logger = a.box, now, a.log
	if a.store, err = db.Open(ctx, where); err != nil {
		unlock()
		return fmt.Errorf("open database: %w", err)
	}
	h.app = a
	h.shut = func() {
		a.store.Close()
		unlock()
	}
	return nil
}

// Run lists the keys, the one that seals first.
func (c keysListCmd) Run(ctx context.Context, s streams) error {
	h, err := holdKeys(ctx, c.where, s)
	if err != nil {
		return fmt.Errorf("list keys: %w", err)
	}
	defer h.shut()
	state, err := askKeys(ctx, h, callKeys, keyCall{})
	if err != nil {
		return fmt.Errorf("list keys: %w", err)
	}
	keys, err := secret.Keys(state.File)
	if err != nil {
		return fmt.Errorf("list keys: %w", err)
	}
	for _, k := range keys {
		made := "made before times were kept"
		if !k.Made.IsZero() {
			made = fmt.Sprintf("made %s (%d days ago)", k.Made.Format(time.DateOnly), int(time.Since(k.Made).Hours()/24))
		}
		role := "opens"
		if k.ID == state.Active {
			role = "seals"
		}
		fmt.Fprintf(s.out, "%s  %s  %d values  %s\n", k.ID, role, state.Sealed[k.ID], made)
		delete(state.Sealed, k.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(state.Sealed)) {
		fmt.Fprintf(s.out, "%s  is not in %s: %d values can't be opened\n", id, state.File, state.Sealed[id])
	}
	return nil
}

// Run rotates. Where an earlier rotation did not come to its end, that one is
// finished and no further key is made.
func (c keysRotateCmd) Run(ctx context.Context, s streams) error {
	h, err := holdKeys(ctx, c.where, s)
	if err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	defer h.shut()
	state, err := askKeys(ctx, h, callKeys, keyCall{})
	if err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	release, err := lockKeys(state.File)
	if err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	defer release()
	if err := rotateKeys(ctx, h, state, s); err != nil {
		return fmt.Errorf("rotate keys: %w", err)
	}
	return nil
}

// lockKeys lets one rotation work on a key file at a time. It locks the directory:
// the file itself is replaced.
func lockKeys(file string) (release func(), err error) {
	if file, err = filepath.EvalSymlinks(file); err != nil {
		return nil, err
	}
	d, err := os.Open(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		d.Close()
		return nil, errors.New("another rotation is under way")
	}
	return func() { d.Close() }, nil
}

// rotateKeys: after each step everything that is sealed opens with a key of the
// file, so a kill anywhere loses nothing, and the same command goes on from there.
func rotateKeys(ctx context.Context, h keyHolder, state keyState, s streams) error {
	keys, err := newKey(ctx, h, state, s)
	if err != nil {
		return err
	}
	keyStep("added")
	state, err = askKeys(ctx, h, callLoadKeys, keyCall{})
	if err != nil {
		return err
	}
	if state.Active != keys[0].ID {
		return fmt.Errorf("the server seals with key %s and not with the new one, %s: does it read another file?", state.Active, keys[0].ID)
	}
	keyStep("loaded")
	if err := awaitOthers(ctx, h, sealsOther, func(o db.Server) bool { return o.Keys[0] == keys[0].ID }); err != nil {
		return err
	}
	call := rotatedCall{}
	for _, k := range keys[1:] {
		call.Retired = append(call.Retired, k.ID)
	}
	for at := (db.ResealAt{}); !at.Done; {
		did, err := askKeys(ctx, h, callReseal, resealCall{at})
		if err != nil {
			return err
		}
		at = did.At
		call.Resealed += did.Resealed.Resealed
		keyStep("resealed")
	}
	return retire(ctx, h, state.File, keys[0].ID, call, s)
}

// newKey makes the key, or finds that of an earlier rotation, and has it stand first
// in the file once every other server opens what it will seal.
func newKey(ctx context.Context, h keyHolder, state keyState, s streams) ([]secret.Key, error) {
	keys, err := secret.Keys(state.File)
	if err != nil {
		return nil, err
	}
	newest := secret.Newest(keys)
	switch {
	case len(keys) > 1:
		fmt.Fprintf(s.out, "Finishing an earlier rotation to key %s.\n", newest.ID)
	case len(state.Others) > 0:
		newest, err = secret.AddKeyBelow(state.File, time.Now())
	default:
		newest, err = secret.AddKey(state.File, time.Now())
	}
	if err != nil {
		return nil, err
	}
	if keys, err = secret.Keys(state.File); err != nil || keys[0].ID == newest.ID {
		return keys, err
	}
	keyStep("staged")
	if _, err := askKeys(ctx, h, callLoadKeys, keyCall{}); err != nil {
		return nil, err
	}
	err = awaitOthers(ctx, h, lacksKey, func(o db.Server) bool { return slices.Contains(o.Keys, newest.ID) })
	if err != nil {
		return nil, err
	}
	if err := secret.PutFirst(state.File, newest.ID); err != nil {
		return nil, err
	}
	return secret.Keys(state.File)
}

// retire takes the old keys away.
func retire(ctx context.Context, h keyHolder, file, key string, call rotatedCall, s streams) error {
	if _, err := askKeys(ctx, h, callRotated, call); err != nil {
		return err
	}
	keyStep("recorded")
	if err := secret.KeepKey(file, key); err != nil {
		return err
	}
	keyStep("dropped")
	if _, err := askKeys(ctx, h, callLoadKeys, keyCall{}); err != nil {
		return err
	}
	state, err := askKeys(ctx, h, callTellKeys, keyCall{})
	if err != nil {
		return err
	}
	keyStep("told")
	fmt.Fprintf(s.out, "%d values sealed anew under key %s. Gone: %s. Back up %s now; older backups of the database need the older key. \"This wasn't me\" links that were sent before are void, and whoever was coming in without a passkey begins again.\n",
		call.Resealed, key, strings.Join(call.Retired, ", "), file)
	if len(state.Others) > 0 {
		fmt.Fprintf(s.out, "Where another server has a key file of its own, copy %s there once more.\n", file)
	}
	return nil
}
