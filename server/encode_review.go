package server

import (
	"net/netip"
	"strings"
	"time"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/workflow"
)

// remindAfter is how long a requester waits before the one reminder, as workflow
// has it.
const remindAfter = 2 * time.Minute

// deniedBy says why a request is denied, by what its reviewer said.
var deniedBy = map[workflow.ReviewVerdict]string{
	workflow.VerdictDeny:   string(workflow.ErrDenied),
	workflow.VerdictReport: string(workflow.ErrReported),
}

// encodeReviewing is nil for a request that nobody reviews.
func encodeReviewing(r workflow.Request, who ad.GUID) *Reviewing {
	if len(r.Asked) == 0 && len(r.Reviews) == 0 {
		return nil
	}
	out := &Reviewing{WrongNumbers: r.WrongNumbers, Reminded: stamp(r.Reminded)}
	if len(r.Asked) > 0 {
		out.Since = stamp(r.Asked[0].At)
	}
	if said := decision(r); said != nil {
		out.Decided = encodeDecided(*said)
	}
	if r.State == workflow.Pending {
		out.CanRemind = canRemind(r)
		// Of one that somebody else may have asked for, its owner is not told the number:
		// they would give it away on the phone.
		if who == r.Requester && !r.Vouched() {
			out.Number = r.Number
		}
	}
	return out
}

func canRemind(r workflow.Request) string {
	if !r.Reminded.IsZero() || len(r.Asked) == 0 {
		return ""
	}
	return stamp(r.Asked[0].At.Add(remindAfter))
}

// decision is the last review that counts.
func decision(r workflow.Request) *workflow.Review {
	for i := len(r.Reviews) - 1; i >= 0; i-- {
		if !r.Reviews[i].Void {
			return &r.Reviews[i]
		}
	}
	return nil
}

func encodeDecided(r workflow.Review) *Decided {
	return &Decided{Verdict: string(r.Verdict), At: stamp(r.At), Chip: r.Chip, Reason: r.Reason}
}

// encodeReview shows a request to who reviews it. Request.Number is not read.
// Photo: whether there is one is not known here; the page asks for it, and gets
// it or nothing.
func (s *Server) encodeReview(who ad.GUID) func(workflow.Reviewed) Review {
	return func(v workflow.Reviewed) Review {
		r, a := v.Request, encodeAccount(v.Target, s.now())
		return Review{
			ID: r.ID, Kind: string(r.Kind), State: string(r.State), Open: v.Open, Code: v.Code,
			Account: r.Target.String(), DisplayName: a.DisplayName, Department: a.Department,
			Title: v.Target.Title,
			Name:  a.Name, Photo: true,
			Reason: r.Reason, Device: r.Device, Address: r.Address, Internal: internal(r.Address),
			Proofs:  proofs(r),
			Created: stamp(r.Created), Asked: stamp(seatOf(r, who).At), Deadline: stamp(r.Deadline),
			Number: v.Number, NumbersLeft: max(0, s.cfg.Numbers-r.WrongNumbers),
			Signs:  each(v.Signs, func(x workflow.Sign) Sign { return Sign{Code: x.Code, Count: x.Count} }),
			Frozen: v.Frozen, Mine: said(r, who), Version: r.Version,
		}
	}
}

func proofs(r workflow.Request) []string {
	out := []string{}
	for _, p := range r.Proofs {
		if !p.Void {
			out = append(out, string(p.Kind))
		}
	}
	return out
}

// seatOf is the zero seat where there is none.
func seatOf(r workflow.Request, who ad.GUID) workflow.Seat {
	for _, seat := range r.Asked {
		if seat.Account == who {
			return seat
		}
	}
	return workflow.Seat{}
}

// said is the last word of one reviewer, or nil.
func said(r workflow.Request, who ad.GUID) *Decided {
	for i := len(r.Reviews) - 1; i >= 0; i-- {
		if x := r.Reviews[i]; x.By == who && !x.Void {
			return encodeDecided(x)
		}
	}
	return nil
}

// internal says whether an address is of a private network (RFC 1918, RFC 4193)
// or of the machine itself.
func internal(address string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	a = a.Unmap()
	return a.IsPrivate() || a.IsLoopback()
}

func (s *Server) encodeAsked(r workflow.Request) func(ad.Account) Asked {
	return func(a ad.Account) Asked {
		shown := encodeAccount(a, s.now())
		return Asked{
			Account: a.GUID.String(), DisplayName: shown.DisplayName, Department: a.Department,
			Photo: true, At: stamp(seatOf(r, a.GUID).At),
		}
	}
}

// groupName is the name of the group that was asked, or "" for the manager.
func groupName(r workflow.Request) string {
	if len(r.Asked) == 0 || r.Asked[0].Group == "" {
		return ""
	}
	for _, tier := range r.Decision.Approve {
		for _, by := range []*workflow.Approvers{&tier.By, tier.Else} {
			if by != nil && by.Group != nil && by.Group.SID == r.Asked[0].Group {
				return commonName(by.Group.DN)
			}
		}
	}
	return ""
}

// commonName is the value of a DN's first part, without its escapes of single
// characters (RFC 4514 2.4).
func commonName(dn string) string {
	_, rest, ok := strings.Cut(dn, "=")
	if !ok {
		return dn
	}
	var b strings.Builder
	for i := 0; i < len(rest) && rest[i] != ','; i++ {
		if rest[i] == '\\' && i+1 < len(rest) {
			i++
		}
		b.WriteByte(rest[i])
	}
	return b.String()
}
