// Package pwa carries the built web app into the binary. The build itself is
// made by Vite from this folder (`./task build`).
package pwa

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
)

// The folder always exists in a clone; without a build it holds nothing but
// .keep, and the server then says what to run.
//
//go:embed all:dist
var dist embed.FS

// Files is the build: index.html, sw.js, the manifest and assets/, each with
// its .br and .gz beside it where that is smaller. The documents of pages/ and what is in
// assets/ are in the binary compressed only, and read as if they lay there in clear
// too: a megabyte that hardly a browser asks for.
func Files() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil { // only for an invalid path, and "dist" is none
		panic(err)
	}
	return unpacked{sub}
}

// unpacked shows each file that is there as .gz alone without that ending as well.
type unpacked struct{ packed fs.FS }

// Open is fs.FS's.
func (u unpacked) Open(name string) (fs.File, error) {
	f, err := u.packed.Open(name)
	if !errors.Is(err, fs.ErrNotExist) || !fs.ValidPath(name) {
		return f, err
	}
	packed, gzerr := fs.ReadFile(u.packed, name+".gz")
	if gzerr != nil {
		return nil, err
	}
	plain, err := gunzip(packed)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &plainFile{Reader: bytes.NewReader(plain), name: path.Base(name), size: int64(len(plain))}, nil
}

// ReadDir is fs.ReadDirFS's.
func (u unpacked) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(u.packed, name)
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Clone(all) {
		plain, packed := strings.CutSuffix(e.Name(), ".gz")
		if !packed || slices.ContainsFunc(all, func(o fs.DirEntry) bool { return o.Name() == plain }) {
			continue
		}
		info, err := fs.Stat(u, path.Join(name, plain))
		if err != nil {
			return nil, err
		}
		all = append(all, fs.FileInfoToDirEntry(info))
	}
	slices.SortFunc(all, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return all, nil
}

func gunzip(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	return io.ReadAll(r)
}

// plainFile is one that was unpacked, and its own description.
type plainFile struct {
	*bytes.Reader
	name string
	size int64
}

func (f *plainFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f *plainFile) Close() error               { return nil }
func (f *plainFile) Name() string               { return f.name }
func (f *plainFile) Size() int64                { return f.size }
func (f *plainFile) Mode() fs.FileMode          { return 0o444 }
func (f *plainFile) ModTime() time.Time         { return time.Time{} }
func (f *plainFile) IsDir() bool                { return false }
func (f *plainFile) Sys() any                   { return nil }
