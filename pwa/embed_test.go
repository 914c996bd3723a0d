package pwa

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io/fs"
	"slices"
	"testing"
	"testing/fstest"
)

func TestWhatIsPackedAloneIsReadInClearToo(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte("<p>Locked out?"))
	_ = w.Close()
	build := unpacked{fstest.MapFS{
		"index.html":          {Data: []byte("clear")},
		"index.html.gz":       {Data: []byte("not looked at")},
		"pages/start.html.gz": {Data: packed.Bytes()},
		"pages/start.html.br": {Data: []byte("br")},
	}}
	for name, want := range map[string]string{"index.html": "clear", "pages/start.html": "<p>Locked out?", "pages/start.html.br": "br"} {
		if b, err := fs.ReadFile(build, name); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	var walked []string
	err := fs.WalkDir(build, ".", func(name string, d fs.DirEntry, err error) error {
		if info, e := d.Info(); e == nil && info.Size() > 0 && !d.IsDir() {
			walked = append(walked, name)
		}
		return err
	})
	if want := []string{"index.html", "index.html.gz", "pages/start.html", "pages/start.html.br", "pages/start.html.gz"}; err != nil || !slices.Equal(walked, want) {
		t.Errorf("walked %q, %v", walked, err)
	}
	for _, name := range []string{"pages/none.html", "pages/start.html.br.gz"} {
		if _, err := fs.Stat(build, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := unpacked{fstest.MapFS{"a.html.gz": {Data: []byte("no gzip")}}}
	if _, err := broken.Open("a.html"); err == nil {
		t.Error("something broken was read")
	}
}
