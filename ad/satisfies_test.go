package ad_test

import (
	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/workflow"
)

var (
	_ enroll.Directory    = (*ad.Client)(nil)
	_ enroll.PolicyReader = (*ad.Client)(nil)
	_ workflow.Directory  = (*ad.Client)(nil)
	_ workflow.People     = (*ad.Client)(nil)
)
