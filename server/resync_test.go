package server

import (
	"testing"

	"github.com/latchkey/latchkey/ad"
)

func TestEveryStreamReadsAgainWhatMayHaveBeenMissed(t *testing.T) {
	st := newStage(t, slowly)
	l := st.listen(st.listening())
	l.want(hello)
	st.cfg.Live.Resync()
	l.want(resync)
	st.cfg.Live.Publish("next", 3, []ad.GUID{alice})
	l.want(changed("next", 3))
}
