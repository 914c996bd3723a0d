// Package pwa carries the built web app into the binary. The build itself is
// made by Vite from this folder (`./task build`).
package pwa

import (
	"embed"
	"io/fs"
)

// The folder always exists in a clone; without a build it holds nothing but
// .keep, and the server then says what to run.
//
//go:embed all:dist
var dist embed.FS

// Files is the build: index.html, sw.js, the manifest and assets/, each with
// its .br and .gz beside it where that is smaller.
func Files() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil { // only for an invalid path, and "dist" is none
		panic(err)
	}
	return sub
}
