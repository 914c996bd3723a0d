package db

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// present remembers which files the database is. SQLite goes on writing to a file
// that was deleted or moved away, and what it writes is gone with the process: an act
// whose record is lost must not happen.
type present struct {
	path  string
	files map[string]os.FileInfo // nil before the first look
}

// The write-ahead log belongs to the database as much as the file itself.
var presentFiles = []string{"", "-wal"}

// check is ErrGone unless the files in their places are those that are open. A file
// that is moved back is the same one again, and writing goes on.
func (p *present) check() error {
	if p == nil {
		return nil
	}
	now := map[string]os.FileInfo{}
	for _, suffix := range presentFiles {
		info, err := os.Stat(p.path + suffix)
		if errors.Is(err, fs.ErrNotExist) && p.files == nil && suffix != "" {
			continue // nothing was written yet
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrGone, err)
		}
		if known := p.files[suffix]; known != nil && !os.SameFile(known, info) {
			return fmt.Errorf("%w: %s is another file than the one that is open; restart to use it", ErrGone, p.path+suffix)
		}
		now[suffix] = info
	}
	p.files = now
	return nil
}
