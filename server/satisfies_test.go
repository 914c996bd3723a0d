package server

import (
	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/push"
	"github.com/latchkey/latchkey/workflow"
)

var (
	_ Reviews = (*workflow.Engine)(nil)
	_ Photos  = (*ad.Client)(nil)
	_ Devices = (*push.Service)(nil)
)
