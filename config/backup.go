package config

import (
	"path/filepath"
	"time"
)

// Backup says where backups of the data directory arrive. Latchkey makes none
// itself: the doctor looks whether there is a recent one.
type Backup struct {
	Files  string        `yaml:"files"`
	Within time.Duration `yaml:"within"`
}

// DefaultBackupWithin is a day, and two hours for a backup that takes its time.
const DefaultBackupWithin = 26 * time.Hour

func (c Config) checkBackup(f *finder) {
	if c.Backup.Files == "" {
		if f.has("backup") {
			f.add("backup.files", "is missing: name the files, such as /var/backups/latchkey/*")
		}
	} else if _, err := filepath.Match(c.Backup.Files, ""); err != nil {
		f.add("backup.files", "%q is no pattern of file names, such as /var/backups/latchkey/*", c.Backup.Files)
	}
	between(f, "backup.within", c.Backup.Within, time.Hour, 31*24*time.Hour)
}
