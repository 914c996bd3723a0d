package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey/latchkey/db"
)

// A rotation with several servers on one database. Each has a key file, their own or
// one that they share. The new key is first put below the old one, where it only
// opens; once every server has it, it is put above and seals; once every server seals
// with it, the old one goes. Before each wait the servers are told to read their
// files again, so that a shared file needs nobody's hand. Where the files are
// copies, the command stops, says which server is behind, and goes on from there.

// keysTime is how long the other servers have to read a file. They answer at once.
const keysTime = 5 * time.Second

// What a server may lack.
const (
	lacksKey   = "do not have the new key, and could not open what it seals"
	sealsOther = "still seal with another key, which can't be taken away under them"
)

// present has the other servers know of this one.
func (a *app) present(ctx context.Context) {
	say := func() {
		if err := a.store.Present(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("say that this server works", "error", err)
		}
	}
	say()
	every(ctx, db.PresentEvery, say)
}

// readKeysAgain does it on another server's word, and tells what it has now.
func (a *app) readKeysAgain(ctx context.Context, opened <-chan struct{}) {
	if <-opened; a.store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, keysTime)
	defer cancel()
	_, err := a.loadKeys(ctx, keyCall{})
	if err == nil {
		err = a.store.Present(ctx)
	}
	if err != nil && !errors.Is(err, db.ErrClosed) {
		a.log.Error("read the key file again", "error", err)
	}
}

func (a *app) tellKeys(ctx context.Context, _ keyCall) (none keyState, err error) {
	if err := a.store.TellKeys(ctx); err != nil {
		return none, err
	}
	return a.keyState(ctx, keyCall{})
}

// awaitOthers tells the other servers to read their key files, and waits until every
// one of them is so far, or says which are not.
func awaitOthers(ctx context.Context, h keyHolder, lack string, far func(db.Server) bool) error {
	state, err := askKeys(ctx, h, callTellKeys, keyCall{})
	for end := time.Now().Add(keysTime); err == nil; state, err = askKeys(ctx, h, callKeys, keyCall{}) {
		behind := without(state.Others, far)
		if len(behind) == 0 {
			return nil
		}
		if time.Now().After(end) {
			return &behindError{behind, lack, state.File}
		}
		select {
		case <-time.After(100 * time.Millisecond): // other processes, on other machines
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// without are the servers that are not so far. One of an older release never is.
func without(all []db.Server, far func(db.Server) bool) []db.Server {
	return slices.DeleteFunc(slices.Clone(all), func(o db.Server) bool { return len(o.Keys) > 0 && far(o) })
}

// behindError stops a rotation, and says how it goes on.
type behindError struct {
	servers []db.Server
	lack    string
	file    string
}

func (e *behindError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "other servers on this database %s:\n", e.lack)
	for _, o := range e.servers {
		keys := "of an older release: upgrade or stop it"
		if len(o.Keys) > 0 {
			keys = "seals with key " + o.Keys[0]
		}
		fmt.Fprintf(&b, "  %s  %s, heard of %d s ago\n", o.Name, keys, o.Silent)
	}
	fmt.Fprintf(&b, "Nothing is lost, and both keys stay in the file. Copy %s over the key file of each of them (secrets.key_file there), "+
		"or stop them; then run the same command again. A server that was stopped by force counts for one minute more.", e.file)
	return b.String()
}
