package server

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/ad"
)

func (st *stage) photoOf(account string) *http.Response {
	return st.in("GET", "/api/requests/r1/photo/"+account, "")
}

// madePhoto checks that bytes are a photo as we make them.
func madePhoto(t *testing.T, b []byte) image.Image {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if m.Bounds() != image.Rect(0, 0, photoSide, photoSide) || len(b) > 64<<10 {
		t.Fatalf("%v, %d bytes", m.Bounds(), len(b))
	}
	return m
}

func TestAPhotoIsTheMiddleSquare(t *testing.T) {
	for name, size := range map[string][2]int{"wide": {300, 200}, "square": {96, 96}, "small": {3, 1}, "large": {2000, 1000}} {
		st := newStage(t)
		st.seats.raw = paintedPNG(size[0], size[1])
		res := st.photoOf(bob.String())
		b, _ := io.ReadAll(res.Body)
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "image/jpeg" || res.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: %d %v", name, res.StatusCode, res.Header)
		}
		m := madePhoto(t, b)
		for _, at := range []image.Point{{10, 10}, {photoSide / 2, photoSide / 2}, {photoSide - 10, photoSide - 10}} {
			if r, g, _, _ := m.At(at.X, at.Y).RGBA(); r > 0x3000 || g < 0xd000 {
				t.Errorf("%s: the margin shows at %v", name, at)
			}
		}
	}
}

func TestATransparentPhotoIsOnWhite(t *testing.T) {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewNRGBA(image.Rect(0, 0, 9, 9))); err != nil {
		t.Fatal(err)
	}
	made, err := portrait(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if r, _, _, _ := madePhoto(t, made).At(5, 5).RGBA(); r < 0xf000 {
		t.Errorf("red %x", r)
	}
}

// Nothing of the file but its pixels comes out: no place, no name, no camera.
func TestAPhotoLosesItsMetadata(t *testing.T) {
	var b bytes.Buffer
	m := image.NewGray(image.Rect(0, 0, 40, 40))
	m.SetGray(1, 1, color.Gray{Y: 200})
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	exif := append([]byte{0xff, 0xe1, 0, byte(2 + 6 + len(canary))}, "Exif\x00\x00"+canary...)
	raw := append(append(append([]byte{}, b.Bytes()[:2]...), exif...), b.Bytes()[2:]...)
	raw = append(raw, "<script>"+canary...)
	made, err := portrait(raw)
	if err != nil {
		t.Fatal(err)
	}
	madePhoto(t, made)
	if bytes.Contains(made, []byte("Canary")) || bytes.Contains(made, []byte("Exif")) {
		t.Error("it is still there")
	}
}

// hugePNG claims a size that it does not have.
func hugePNG(w, h uint32) []byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32([]byte("IHDR"), w), h)
	head = append(head, 8, 6, 0, 0, 0)
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(head))
}

func TestHostilePhotosAreNone(t *testing.T) {
	good := paintedPNG(30, 20)
	var whole bytes.Buffer // a good one, of more pixels than we decode
	if err := png.Encode(&whole, image.NewPaletted(image.Rect(0, 0, 2049, 2048), color.Palette{color.White})); err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{
		"too many pixels": whole.Bytes(), "empty": {}, "text": []byte("<svg onload=alert(1)>"), "half": good[:len(good)/2], "a header": good[:30],
		"a bomb": hugePNG(30_000, 30_000), "the widest": hugePNG(1<<31-1, 1<<31-1), "nothing wide": hugePNG(0, 10), "just too many": hugePNG(2049, 2048),
		"a GIF": []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), "too long": append(append([]byte{}, good...), make([]byte, photoBytes)...),
		"a broken JPEG": []byte("\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03"),
	} {
		st := newStage(t)
		st.seats.raw = raw
		wantNoPhoto(t, name, st.photoOf(bob.String()))
	}
}

// wantNoPhoto: nothing that a page's console would call an error.
func wantNoPhoto(t *testing.T, name string, res *http.Response) {
	t.Helper()
	b, _ := io.ReadAll(res.Body)
	if res.StatusCode != http.StatusNoContent || len(b) > 0 || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: %d, %q, %v", name, res.StatusCode, b, res.Header)
	}
}

// No such person, no such request, and nobody I may see: one answer.
func TestPhotosThatAreNotMineToSeeLookAlike(t *testing.T) {
	st := newStage(t)
	for _, path := range []string{
		"/api/requests/r1/photo/" + eve.String(), "/api/requests/r2/photo/" + bob.String(), "/api/requests/r1/photo/bob",
		"/api/requests/r1/photo/" + strings.Repeat("a", 36),
	} {
		wantProblem(t, st.in("GET", path, ""), http.StatusNotFound, "route.unknown")
	}
	if st.seats.reads > 0 {
		t.Error("the directory was asked")
	}
	st.seats.none = true
	wantNoPhoto(t, "none", st.photoOf(bob.String()))
}

func TestAFailingCheckShowsNoPhoto(t *testing.T) {
	st := newStage(t)
	if st.photoOf(bob.String()).StatusCode != http.StatusOK {
		t.Fatal("no photo")
	}
	st.seats.err = errors.New("disk I/O error") // and the photo is kept by now
	wantProblem(t, st.photoOf(bob.String()), http.StatusInternalServerError, "internal")
}

func TestThePhotoIsReadOnceAMinute(t *testing.T) {
	st := newStage(t)
	for range 3 {
		st.photoOf(bob.String())
	}
	if st.seats.reads != 1 {
		t.Errorf("%d reads", st.seats.reads)
	}
	st.clock.add(photoKept)
	st.photoOf(bob.String())
	if st.seats.reads != 2 {
		t.Errorf("%d reads", st.seats.reads)
	}
	for i := range 3 * photoCache {
		st.pictures.keep(ad.GUID{byte(i), byte(i >> 8), 1}, nil, st.clock.Now())
	}
	if len(st.pictures.kept) > photoCache {
		t.Errorf("%d are kept", len(st.pictures.kept))
	}
}

func FuzzPortrait(f *testing.F) {
	f.Add(paintedPNG(30, 20))
	f.Add(hugePNG(30_000, 30_000))
	var b bytes.Buffer
	_ = jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16)), nil)
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, raw []byte) {
		made, err := portrait(raw)
		if err == nil {
			madePhoto(t, made)
		} else if !errors.Is(err, errPhoto) || made != nil {
			t.Fatal(err)
		}
	})
}

// manyScans is a progressive JPEG that goes over all of its pixels again and
// again, for twenty bytes each time.
func manyScans(scans int) []byte {
	b := []byte("\xff\xd8\xff\xdb\x00\x43\x00" + strings.Repeat("\x01", 64))
	b = append(b, "\xff\xc2\x00\x0b\x08\x08\x00\x08\x00\x01\x01\x11\x00"...) // 2048 by 2048, one component
	for _, table := range []string{"\x00", "\x10"} {                         // one code each: 0 is no difference, or a run
		b = append(b, "\xff\xc4\x00\x14"+table+"\x01"+strings.Repeat("\x00", 15)...)
		b = append(b, map[string]byte{"\x00": 0x00, "\x10": 0xe0}[table])
	}
	for range scans { // 65,536 blocks: four runs of 16,384
		b = append(b, "\xff\xda\x00\x08\x01\x01\x00\x01\x3f\x00"+strings.Repeat("\x00", 8)...)
	}
	return append(b, "\xff\xd9"...)
}

func TestAPhotoIsNotGoneOverForEver(t *testing.T) {
	if _, err := portrait(manyScans(photoScans)); err != nil {
		t.Errorf("as many as may be: %v", err)
	}
	if _, err := portrait(manyScans(photoScans + 1)); !errors.Is(err, errPhoto) {
		t.Errorf("one more: %v", err)
	}
}
