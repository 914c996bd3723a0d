package db

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/latchkey/latchkey/doctor"
)

// What Doctor finds about the data directory and its disk.
var (
	FoundDataMissing = doctor.Kind{ID: "data.missing", Severity: doctor.Warning, Why: "The first start makes it, if its user may. Otherwise the server does not start."}
	FoundDataUnread  = doctor.Kind{ID: "data.unreadable", Severity: doctor.Failure, Why: "Nothing in it can be looked at; the server can't work in it either."}
	FoundDataOpen    = doctor.Kind{ID: "data.mode", Severity: doctor.Failure, Why: "Whoever may enter it reaches the database or its key, and the control socket, through which anybody can be invited."}
	FoundDataOwner   = doctor.Kind{ID: "data.owner", Severity: doctor.Failure, Why: "The service can't write what belongs to somebody else. It usually comes from a command that was run as root."}
	FoundNetworkDisk = doctor.Kind{ID: "data.network-disk", Severity: doctor.Failure, Why: "SQLite's locks and shared memory don't work over a network: two servers, or a short cut of the line, destroy the database."}
	FoundMemoryDisk  = doctor.Kind{ID: "data.memory-disk", Severity: doctor.Failure, Why: "After a restart of the machine everything is gone."}
	FoundDiskLow     = doctor.Kind{ID: "data.disk-low", Severity: doctor.Warning, Why: "When the disk is full every act stops before anything is written."}
	FoundDiskFull    = doctor.Kind{ID: "data.disk-full", Severity: doctor.Failure, Why: "Acts stop soon: nothing may be written in the directory that can't be written down first. With PostgreSQL the next start finds no room for its lock and socket."}
	FoundInodes      = doctor.Kind{ID: "data.inodes", Severity: doctor.Warning, Why: "A disk without inodes takes no new file, however much room is left: exports and the write-ahead log fail."}
	FoundReadOnly    = doctor.Kind{ID: "data.read-only", Severity: doctor.Failure, Why: "Every act stops before anything is written. A disk that failed is often mounted again for reading only."}
)

var dataKinds = []doctor.Kind{
	FoundDataMissing, FoundDataUnread, FoundDataOpen, FoundDataOwner, FoundNetworkDisk, FoundMemoryDisk, FoundDiskLow, FoundDiskFull, FoundInodes, FoundReadOnly,
}

const (
	lowSpace   = 1 << 30
	leastSpace = 100 << 20
	lowInodes  = 1000
)

// space is what is left on a file system. inodes is 0 where it has no such limit.
type space struct {
	kind            string // "ext4", "nfs" … ; "" for one that makes no difference here
	network, memory bool
	readOnly        bool
	free            uint64 // bytes that the service may use
	inodes, files   uint64 // free ones, and all
}

// doctorData says whether there is a directory to look into.
func (c DoctorConfig) doctorData(r *doctor.Report) bool {
	dir := filepath.Dir(c.Path)
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		r.Found(FoundDataMissing, dir, "There is no such directory.", shell("install -d -m 700 -o latchkey %s", dir))
		return false
	case err != nil:
		r.Found(FoundDataUnread, dir, err.Error(), shell("ls -ld %s", dir), shell("chown -R latchkey: %s && chmod 700 %s", dir, dir))
		return false
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		r.Found(FoundDataUnread, dir, err.Error(), shell("runuser -u latchkey -- latchkey doctor --config FILE"), shell("chown -R latchkey: %s && chmod 700 %s", dir, dir))
		return false
	}
	before := len(r.Findings())
	if info.Mode().Perm()&0o077 != 0 {
		r.Found(FoundDataOpen, dir, fmt.Sprintf("Others may enter it (mode %v).", info.Mode().Perm()), shell("chmod 700 %s", dir))
	}
	doctorOwners(dir, info, names, r)
	c.doctorDisk(dir, r)
	if len(r.Findings()) == before {
		r.Good("data.directory", dir, "It is the service's alone, on a local disk with room.")
	}
	return true
}

func doctorOwners(dir string, info os.FileInfo, names []os.DirEntry, r *doctor.Report) {
	owner, known := doctor.Owner(info)
	var strange []string
	for _, n := range names {
		at, err := n.Info()
		if err != nil {
			continue // gone meanwhile
		}
		if uid, _ := doctor.Owner(at); known && uid != owner {
			strange = append(strange, n.Name())
		}
	}
	if len(strange) > 0 {
		r.Found(FoundDataOwner, dir, fmt.Sprintf("It belongs to user %d, and these files in it do not: %s.", owner, strings.Join(strange, ", ")),
			shell("chown -R --reference=%s %s", dir, dir))
	}
}

func (c DoctorConfig) doctorDisk(dir string, r *doctor.Report) {
	look := c.space
	if look == nil {
		look = spaceOf
	}
	s, err := look(dir)
	if err != nil {
		return // not known on this system
	}
	df := shell("df -hT %s", dir)
	room := []doctor.Line{df, shell("lvextend --resizefs --size +5G $(findmnt -n -o SOURCE -T %s)   # where it is a logical volume", dir),
		doctor.Do("Otherwise enlarge its file system, or take away what is not Latchkey's. Nothing in %s may be deleted.", dir)}
	elsewhere := doctor.Line{Tool: doctor.Config, Text: "data: /var/lib/latchkey"}
	switch {
	case s.network && !c.Postgres:
		r.Found(FoundNetworkDisk, dir, "It lies on a network file system ("+s.kind+").", df, elsewhere)
	case s.memory && (!c.Postgres || c.keyInside(dir)):
		r.Found(FoundMemoryDisk, dir, "It lies in memory ("+s.kind+").", df, elsewhere)
	}
	if s.readOnly {
		r.Found(FoundReadOnly, dir, "Its file system is mounted for reading only.", shell("dmesg | tail"), shell("mount -o remount,rw $(findmnt -n -o TARGET -T %s)", dir))
	}
	switch free := fmt.Sprintf("%d MiB are free.", s.free>>20); {
	case s.free < leastSpace:
		r.Found(FoundDiskFull, dir, free, room...)
	case s.free < lowSpace && !c.Postgres: // what grows is elsewhere
		r.Found(FoundDiskLow, dir, free, room...)
	}
	if s.files > 0 && s.inodes < lowInodes {
		r.Found(FoundInodes, dir, fmt.Sprintf("%d inodes are free.", s.inodes), shell("df -i %s", dir),
			doctor.Do("Delete small files beside Latchkey's on this file system, or move the data directory to one of its own. Nothing in %s may be deleted.", dir))
	}
}

// backUp makes a backup now, and has the next ones made.
func (c DoctorConfig) backUp() []doctor.Line {
	at, dir := filepath.Dir(c.Backups), filepath.Dir(c.Path)
	now := shell("systemctl stop latchkey && tar -C %s -czf %s/$(date +%%F).tar.gz %s; systemctl start latchkey", filepath.Dir(dir), at, filepath.Base(dir))
	if c.Postgres {
		now = shell("pg_dump --format=custom --dbname %s --file %s/$(date +%%F).dump", c.dsn(), at)
	}
	return []doctor.Line{
		now,
		doctor.Do("Then look why whatever makes it every day has stopped: its timer, its disk, its rights on %s.", at),
	}
}

// keyInside says whether the key goes when the directory does.
func (c DoctorConfig) keyInside(dir string) bool {
	rel, err := filepath.Rel(dir, c.KeyFile)
	return err == nil && !strings.HasPrefix(rel, "..")
}

// doctorBackups looks at what arrives where the configuration says.
func (c DoctorConfig) doctorBackups(r *doctor.Report) {
	key := func(pattern string) doctor.Line {
		return doctor.Line{Tool: doctor.Config, Text: "backup: {files: " + pattern + "}"}
	}
	if c.Backups == "" {
		r.Found(FoundNoBackup, "backup.files", "No place of backups is named.", key("/var/backups/latchkey/*"))
		return
	}
	name, info := newest(c.Backups)
	if info == nil {
		r.Found(FoundBackupGone, c.Backups, "There is no such file.", append([]doctor.Line{shell("ls -l %s", filepath.Dir(c.Backups))}, c.backUp()...)...)
		return
	}
	age, good := c.Now().Sub(info.ModTime()), true
	if age > c.BackupsWithin {
		good = false
		r.Found(FoundOldBackup, name, fmt.Sprintf("The newest is %s old; at most %s is wanted.", age.Round(time.Minute), c.BackupsWithin), append([]doctor.Line{shell("ls -lt %s", c.Backups)}, c.backUp()...)...)
	}
	if info.Size() == 0 {
		good = false
		r.Found(FoundEmptyBackup, name, "It has no bytes.", append([]doctor.Line{shell("ls -lt %s", c.Backups)}, c.backUp()...)...)
	}
	if rel, err := filepath.Rel(filepath.Dir(c.Path), name); err == nil && !strings.HasPrefix(rel, "..") {
		good = false
		r.Found(FoundInsideBackup, name, "It lies in the data directory.", key("/var/backups/latchkey/*"))
	}
	if good {
		r.Good("db.backup", name, fmt.Sprintf("The newest backup is %s old.", age.Round(time.Minute)))
	}
}

// newest is the youngest of the files, without following links out of sight: a
// link counts by what it leads to.
func newest(pattern string) (name string, info os.FileInfo) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return "", nil
	}
	for _, n := range names {
		at, err := os.Stat(n)
		if err == nil && (info == nil || at.ModTime().After(info.ModTime())) {
			name, info = n, at
		}
	}
	return name, info
}
