package server

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"net/http"
	"sync"
	"time"

	"golang.org/x/image/draw"

	"github.com/latchkey/latchkey/ad"
	"github.com/latchkey/latchkey/workflow"
)

// What a photo of the directory may cost, and what becomes of it.
const (
	photoBytes  = 1 << 20
	photoPixels = 4 << 20
	photoScans  = 64 // a progressive JPEG has ten; each goes over every pixel, and needs a few bytes only
	photoSide   = 192
	photoGrade  = 80
)

// Photos that were made are kept for a minute: a list shows the same ones over
// and over. The directory is asked again after that.
const (
	photoKept  = time.Minute
	photoCache = 128
	photoAtOne = 2 // are decoded at one time; each may take 50 MB
)

type photoOf struct {
	ByID
	Account string `path:"account" maxLength:"64"`
}

type picture struct {
	Status      int
	ContentType string `header:"Content-Type"`
	Body        []byte
}

// photo answers whatever is no participant of a request of theirs alike: not
// found. A participant without a photo that can be shown is no error: 204.
func (s *Server) photo(ctx context.Context, in *photoOf) (*picture, error) {
	of, err := ad.ParseGUID(in.Account)
	if err != nil {
		return nil, errNotFound
	}
	err = s.cfg.Reviews.MaySee(ctx, actor(ctx), in.ID, of)
	if errors.Is(err, workflow.ErrNoRequest) {
		return nil, errNotFound
	}
	if err != nil {
		return nil, err
	}
	made, err := s.pictures.get(ctx, of, s.now(), s.cfg.Photos.Photo)
	if errors.Is(err, ad.ErrNotFound) || errors.Is(err, errPhoto) {
		return &picture{Status: http.StatusNoContent}, nil
	}
	if err != nil {
		return nil, err
	}
	return &picture{Status: http.StatusOK, ContentType: "image/jpeg", Body: made}, nil
}

// pictures keeps a few for a short time.
type pictures struct {
	mu   *sync.Mutex
	kept map[ad.GUID]kept
	busy chan struct{}
}

type kept struct {
	jpeg []byte
	at   time.Time
}

func newPictures() pictures {
	return pictures{mu: &sync.Mutex{}, kept: map[ad.GUID]kept{}, busy: make(chan struct{}, photoAtOne)}
}

func (p *pictures) get(ctx context.Context, of ad.GUID, now time.Time, read func(context.Context, ad.GUID) ([]byte, error)) ([]byte, error) {
	if b, ok := p.find(of, now); ok {
		return b, nil
	}
	raw, err := read(ctx, of)
	if err != nil {
		return nil, err
	}
	select {
	case p.busy <- struct{}{}:
		defer func() { <-p.busy }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	made, err := portrait(raw)
	if err != nil {
		return nil, err
	}
	p.keep(of, made, now)
	return made, nil
}

func (p *pictures) find(of ad.GUID, now time.Time) ([]byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k, ok := p.kept[of]
	return k.jpeg, ok && now.Sub(k.at) < photoKept
}

// keep forgets what is old, and anything where there is no room.
func (p *pictures) keep(of ad.GUID, made []byte, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for g, k := range p.kept {
		if now.Sub(k.at) >= photoKept || len(p.kept) >= photoCache {
			delete(p.kept, g)
		}
	}
	p.kept[of] = kept{jpeg: made, at: now}
}

// errPhoto: these bytes are no photo that we show.
var errPhoto = errors.New("not a photo")

// portrait turns hostile bytes into a small square JPEG of our own making:
// nothing of the file but its pixels comes out.
func portrait(raw []byte) (out []byte, err error) {
	defer func() {
		if recover() != nil {
			out, err = nil, errPhoto
		}
	}()
	src, err := decode(raw)
	if err != nil {
		return nil, errPhoto
	}
	dst := image.NewRGBA(image.Rect(0, 0, photoSide, photoSide))
	draw.Draw(dst, dst.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.CatmullRom.Scale(dst, dst.Bounds(), src, square(src.Bounds()), draw.Over, nil)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, dst, &jpeg.Options{Quality: photoGrade}); err != nil {
		return nil, errPhoto
	}
	return b.Bytes(), nil
}

// startOfScan is a marker that stands nowhere in the coded pixels (ITU-T T.81 B.1.1.5).
var startOfScan = []byte{0xff, 0xda}

// decode reads JPEG and PNG, and looks at the size before any pixel.
func decode(raw []byte) (image.Image, error) {
	read, size := jpeg.Decode, jpeg.DecodeConfig
	if bytes.HasPrefix(raw, []byte("\x89PNG")) {
		read, size = png.Decode, png.DecodeConfig
	}
	if len(raw) > photoBytes || bytes.Count(raw, startOfScan) > photoScans {
		return nil, errPhoto
	}
	c, err := size(bytes.NewReader(raw))
	if err != nil || c.Width < 1 || c.Height < 1 || c.Width > photoPixels || c.Height > photoPixels/c.Width {
		return nil, errPhoto
	}
	return read(bytes.NewReader(raw))
}

// square is the middle of the rectangle.
func square(r image.Rectangle) image.Rectangle {
	side := min(r.Dx(), r.Dy())
	at := image.Pt(r.Min.X+(r.Dx()-side)/2, r.Min.Y+(r.Dy()-side)/2)
	return image.Rectangle{Min: at, Max: at.Add(image.Pt(side, side))}
}
