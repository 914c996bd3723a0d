package minidc

import (
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"time"
)

// Operation names what a fault applies to and what Counters count.
type Operation string

// The operations. OpConnect is accepting a connection, before TLS; OpWrite is
// any of modify, add, delete and rename.
const (
	OpConnect  Operation = "connect"
	OpBind     Operation = "bind"
	OpSearch   Operation = "search"
	OpModify   Operation = "modify"
	OpAdd      Operation = "add"
	OpDelete   Operation = "delete"
	OpRename   Operation = "rename"
	OpCompare  Operation = "compare"
	OpExtended Operation = "extended"
	OpWrite    Operation = "write"
)

func (o Operation) writes() bool {
	return o == OpModify || o == OpAdd || o == OpDelete || o == OpRename
}

type faultKind int

const (
	slow faultKind = iota
	held
	silent
	loseAnswer
	closeBefore
	refuse
	stopReading
)

// Fault is something that goes wrong on demand. Make one with Slow, Held, Silent,
// LoseAnswer, CloseBefore, RefuseWrites, Refer or StopReading, narrow it with On, For,
// After and Times, and give it to Inject. Without On it applies to every operation;
// LoseAnswer and RefuseWrites to every write.
type Fault struct {
	Kind       faultKind
	Delay      time.Duration
	Code       int
	Diagnostic string
	Referral   []string
	until      <-chan struct{}
	op         Operation
	name       string
	times      int
	after      int
}

// Slow answers after d. The write, if it is one, happens after the wait.
func Slow(d time.Duration) Fault { return Fault{Kind: slow, Delay: d} }

// Held answers once until is closed. The write, if it is one, happens after the wait.
func Held(until <-chan struct{}) Fault { return Fault{Kind: held, until: until} }

// Silent takes the request, does nothing and never answers.
func Silent() Fault { return Fault{Kind: silent} }

// LoseAnswer does the work and closes the connection without an answer.
func LoseAnswer() Fault { return Fault{Kind: loseAnswer, op: OpWrite} }

// CloseBefore closes the connection and does nothing.
func CloseBefore() Fault { return Fault{Kind: closeBefore} }

// RefuseWrites answers with a result code and a diagnostic, and writes nothing.
func RefuseWrites(code int, diagnostic string) Fault {
	return Fault{Kind: refuse, Code: code, Diagnostic: diagnostic, op: OpWrite}
}

// Refer answers with a referral, and does nothing.
func Refer(urls ...string) Fault {
	return Fault{Kind: refuse, Code: referralCode, Diagnostic: "0000202B: RefErr: DSID-0310082F, data 0, 1 access points", Referral: urls}
}

// StopReading takes the request and reads nothing more from the connection, so
// that the client's writes block at last.
func StopReading() Fault { return Fault{Kind: stopReading} }

// On narrows the fault to one operation.
func (f Fault) On(op Operation) Fault { f.op = op; return f }

// For narrows the fault to operations on one object, as the client names it.
func (f Fault) For(dn string) Fault { f.name = dn; return f }

// Times ends the fault after n matching operations; 0 is until cleared.
func (f Fault) Times(n int) Fault { f.times = n; return f }

// After lets n matching operations pass first.
func (f Fault) After(n int) Fault { f.after = n; return f }

// fault is an injected one, with what is left of it.
type fault struct {
	Fault
	left    int // -1 without end
	stopped <-chan struct{}
}

// Inject starts a fault and returns what ends it. Of several that match, the
// oldest applies.
func (s *Server) Inject(f Fault) (clear func()) {
	live := &fault{Fault: f, left: f.times}
	if f.times <= 0 {
		live.left = -1
	}
	s.mu.Lock()
	s.faults = append(s.faults, live)
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(x *fault) bool { return x == live })
	}
}

// trip returns the fault that applies to an operation, used up by one.
func (s *Server) trip(op Operation, dn string) *fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.left == 0 || !f.matches(op, dn) {
			continue
		}
		if f.after > 0 {
			f.after--
			continue
		}
		if f.left > 0 {
			f.left--
		}
		s.counters.Faults++
		return &fault{Fault: f.Fault, stopped: s.stopped()}
	}
	return nil
}

func (f *fault) matches(op Operation, dn string) bool {
	if f.name != "" && !strings.EqualFold(f.name, dn) {
		return false
	}
	if f.op == OpWrite {
		return op.writes()
	}
	return f.op == op || f.op == "" && op != OpConnect
}

// before does what a fault does ahead of the operation; false says that the
// operation is not to happen.
func (f *fault) before(c *conn) bool {
	switch {
	case f == nil:
		return true
	case f.Kind == slow:
		return f.wait(f.Delay)
	case f.Kind == held:
		return f.hold()
	case f.Kind == stopReading:
		<-f.stopped
		return false
	}
	return f.Kind == loseAnswer || f.Kind == refuse
}

// keepOpen tells whether the connection goes on after an operation that did
// not happen.
func (f *fault) keepOpen() bool { return f.Kind == silent }

// wait sleeps until the time is over or the server closes.
func (f *fault) wait(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-f.stopped:
		return false
	}
}

// hold waits until the test lets go or the server closes.
func (f *fault) hold() bool {
	select {
	case <-f.until:
		return true
	case <-f.stopped:
		return false
	}
}

// admit applies faults to a new connection; false ends it.
func (s *Server) admit(nc net.Conn) bool {
	f := s.trip(OpConnect, "")
	switch {
	case f == nil:
		return true
	case f.Kind == slow:
		return f.wait(f.Delay)
	case f.Kind == held:
		return f.hold()
	case f.Kind == silent:
		io.Copy(io.Discard, nc) // until either side closes
	case f.Kind == stopReading:
		<-f.stopped
	}
	return false
}

// Counters tell a test what a controller has done since it was made.
type Counters struct {
	Connections, Binds, BadBinds, Searches int
	Modifies, Adds, Deletes, Renames       int // requests, refused ones too
	// Writes counts the modifies that changed an object, by objectGUID;
	// PasswordWrites those among them that wrote a password.
	Writes         map[GUID]int
	PasswordWrites int
	// Faults counts the operations that an injected fault applied to.
	Faults int
}

// Counters returns a copy of the counters.
func (s *Server) Counters() Counters {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counters
	c.Writes = maps.Clone(c.Writes)
	return c
}

func (s *Server) countOp(op Operation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch op {
	case OpBind:
		s.counters.Binds++
	case OpSearch:
		s.counters.Searches++
	case OpModify:
		s.counters.Modifies++
	case OpAdd:
		s.counters.Adds++
	case OpDelete:
		s.counters.Deletes++
	case OpRename:
		s.counters.Renames++
	}
}

func (s *Server) countWrite(g GUID, password bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counters.Writes[g]++
	if password {
		s.counters.PasswordWrites++
	}
}

func (s *Server) countBadBind() {
	s.mu.Lock()
	s.counters.BadBinds++
	s.mu.Unlock()
}
