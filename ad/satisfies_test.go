package ad_test

import (
	"context"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

// directory is everything that others use of a Client or a Forest.
type directory interface {
	enroll.Directory
	enroll.PolicyReader
	workflow.Directory
	workflow.People
	Resolve(ctx context.Context, name string) (ad.GUID, error)
	ResolveGroup(ctx context.Context, dn string) (string, error)
	FindUnit(ctx context.Context, dn string) error
	FindAttribute(ctx context.Context, name string) error
	Photo(ctx context.Context, account ad.GUID) ([]byte, error)
	Contact(ctx context.Context, account ad.GUID) (ad.Contact, error)
	Capabilities(ctx context.Context) ([]ad.ControllerInfo, error)
	Ready(ctx context.Context) error
	Close()
}

var (
	_ directory = (*ad.Client)(nil)
	_ directory = (*ad.Forest)(nil)
)
