//go:build !unix

package doctor

import "io/fs"

// Owner is not known here.
func Owner(fs.FileInfo) (uid int, known bool) { return 0, false }
