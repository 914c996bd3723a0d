package server

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// quiet is the margin that a reader needs (ISO/IEC 18004, 9.1), in modules.
const quiet = 4

// qrPath draws text as a QR code: SVG path data on a size×size grid, the quiet
// zone included. Each run of dark modules in a row is one rectangle.
func qrPath(text string) (path string, size int, err error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", 0, fmt.Errorf("draw QR code: %w", err)
	}
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			run := 0
			for code.Black(x+run, y) && x+run < code.Size {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
			}
			x += run
		}
	}
	return b.String(), code.Size + 2*quiet, nil
}
