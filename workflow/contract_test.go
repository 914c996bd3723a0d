package workflow_test

import (
	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/db"
	"github.com/latchkey/latchkey/enroll"
	"github.com/latchkey/latchkey/password"
	"github.com/latchkey/latchkey/server"
	"github.com/latchkey/latchkey/workflow"
)

// What the packages around declare of each other holds.
var (
	_ server.Requests    = (*workflow.Engine)(nil)
	_ server.Reviews     = (*workflow.Engine)(nil)
	_ workflow.Store     = (*db.Store)(nil)
	_ workflow.Holders   = (*db.Store)(nil)
	_ workflow.Freezes   = (*db.Store)(nil)
	_ workflow.Reminders = (*db.Store)(nil)
	_ workflow.Proofs    = (*db.Store)(nil)
	_ workflow.Proofs    = enroll.Store(nil)
	_ workflow.People    = (*ad.Client)(nil)
	_ workflow.Judge     = (*password.Judge)(nil)
)
