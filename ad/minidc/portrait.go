package minidc

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
)

const portraitSide = 96 // pixels, what Active Directory recommends for thumbnailPhoto

var ground = color.RGBA{0xdd, 0xe6, 0xec, 0xff}

// coats tell departments apart.
var coats = map[string]color.RGBA{workshop: {0x2f, 0x5d, 0x62, 0xff}, finance: {0x5b, 0x3a, 0x6b, 0xff}, people: {0x8a, 0x4b, 0x2a, 0xff}}

// Portrait draws a made-up person: a head and shoulders, as a JPEG of about
// 2 KB that is the same in every process. The coat shows the department.
func Portrait(department string) string {
	coat := coats[department]
	skin := color.RGBA{0xe8, 0xc4, 0xa0, 0xff}
	img := image.NewRGBA(image.Rect(0, 0, portraitSide, portraitSide))
	for y := range portraitSide {
		for x := range portraitSide {
			at := ground
			switch {
			case within(x, y, 48, 36, 18, 22):
				at = skin
			case within(x, y, 48, 96, 36, 34):
				at = coat
			}
			img.SetRGBA(x, y, at)
		}
	}
	var out bytes.Buffer
	must(jpeg.Encode(&out, img, &jpeg.Options{Quality: 85}))
	return out.String()
}

// within tells whether a point lies in an ellipse.
func within(x, y, cx, cy, rx, ry int) bool {
	dx, dy := x-cx, y-cy
	return dx*dx*ry*ry+dy*dy*rx*rx <= rx*rx*ry*ry
}
