package server

// Resync tells every open stream of this process to read everything again: what
// changed on another server may have been missed.
func (b *Broker) Resync() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, st := range b.session {
		st.miss()
	}
}

// miss gives up what is pending for one word that stands for all.
func (st *stream) miss() {
	st.missed, st.order = true, nil
	clear(st.pending)
	select {
	case st.wake <- struct{}{}:
	default:
	}
}
