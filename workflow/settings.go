package workflow

// Settings are what may change while an Engine runs, beside its policy.
type Settings struct {
	Limits          Limits
	Judge           Judge
	RemindEverybody bool
}

// Set replaces the settings. What is under way sees the new ones from its next look
// at them on; a deadline that a request has already stays as it is.
func (e *Engine) Set(s Settings) {
	s.Limits = s.Limits.withDefaults()
	e.settings.Store(&s)
}

func (e *Engine) limits() Limits  { return e.settings.Load().Limits }
func (e *Engine) judge() Judge    { return e.settings.Load().Judge }
func (e *Engine) everybody() bool { return e.settings.Load().RemindEverybody }
