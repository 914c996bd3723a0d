package db

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/latchkey/latchkey/db/dbtest"
	"github.com/latchkey/latchkey/doctor"
	"github.com/latchkey/latchkey/doctor/doctortest"
	"github.com/latchkey/latchkey/enroll"
)

// patient is a right installation: a directory with a database that was used, and
// a backup of today.
type patient struct {
	t      *testing.T
	dir    string // the data directory
	backup string
	cfg    DoctorConfig
}

const ourName = "latchkey.example.test"

func newPatient(t *testing.T) *patient {
	t.Helper()
	root := t.TempDir()
	p := &patient{t: t, dir: filepath.Join(root, "data"), backup: filepath.Join(root, "backups", "latchkey.db")}
	p.cfg = DoctorConfig{Path: filepath.Join(p.dir, "latchkey.db"), RPID: ourName, Backups: filepath.Dir(p.backup) + "/*", BackupsWithin: 26 * time.Hour}
	p.cfg.space = func(dir string) (space, error) { // whatever the tests' own disk is like
		s, err := spaceOf(dir)
		s.free, s.memory = max(s.free, 2*lowSpace), false
		return s, err
	}
	p.must(os.Mkdir(filepath.Dir(p.backup), 0o700))
	p.must(os.WriteFile(p.backup, []byte("a copy"), 0o600))
	p.use(func(s *Store) {
		p.must(s.Record(t.Context(), signedIn(), signedIn(), signedIn()))
		p.passkey(s, ourName)
	})
	return p
}

func (p *patient) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// use opens the store, as the server does, and closes it.
func (p *patient) use(fn func(*Store)) {
	p.t.Helper()
	s, err := Open(context.Background(), Config{Path: p.cfg.Path, Box: dbtest.Box()})
	p.must(err)
	fn(s)
	p.must(s.Close())
}

// exec is what somebody with a tool does to the file.
func (p *patient) exec(statements ...string) {
	p.t.Helper()
	d, err := openSQLite(p.cfg.Path, nil)
	p.must(err)
	for _, s := range statements {
		_, err := d.Exec(s)
		p.must(err)
	}
	p.must(d.Close())
}

func (p *patient) passkey(s *Store, host string) {
	p.t.Helper()
	hash := sha256.Sum256([]byte(host))
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": append(hash[:], make([]byte, 5)...)})
	p.must(err)
	record := webauthn.Credential{ID: []byte(host), Attestation: webauthn.CredentialAttestation{Object: object}}
	p.must(s.AddCredential(p.t.Context(), enroll.Credential{ID: []byte(host), Account: anna, Record: record, Created: time.Now()}))
}

func (p *patient) examine() *doctor.Report {
	r := &doctor.Report{}
	Doctor(p.t.Context(), p.cfg, r)
	return r
}

// onDisk moves the data directory to a file system of its own.
func (p *patient) onDisk(options string) string {
	p.t.Helper()
	at := p.t.TempDir()
	if err := syscall.Mount("tmpfs", at, "tmpfs", 0, options); err != nil {
		p.t.Skipf("no file system of our own: %v", err)
	}
	p.t.Cleanup(func() { _ = syscall.Unmount(at, 0) })
	p.must(os.Mkdir(filepath.Join(at, "data"), 0o700))
	b, err := os.ReadFile(p.cfg.Path)
	p.must(err)
	p.cfg.Path, p.cfg.space = filepath.Join(at, "data", "latchkey.db"), nil
	p.must(os.WriteFile(p.cfg.Path, b, 0o600))
	return at
}

func (p *patient) giveAway(path string) {
	if err := os.Chown(path, 65534, -1); errors.Is(err, os.ErrPermission) {
		p.t.Skip("only root gives files away")
	} else {
		p.must(err)
	}
}

var provocations = map[string]func(*patient){
	FoundMissing.ID:  func(p *patient) { p.must(os.Remove(p.cfg.Path)) },
	FoundUnread.ID:   func(p *patient) { p.must(os.WriteFile(p.cfg.Path, bytes.Repeat([]byte("no database "), 1000), 0o600)) },
	FoundReadable.ID: func(p *patient) { p.must(os.Chmod(p.cfg.Path, 0o640)) },
	FoundNewer.ID:    func(p *patient) { p.exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`) },
	FoundOlder.ID:    func(p *patient) { p.exec(`DELETE FROM goose_db_version WHERE version_id > 3`) },
	FoundCorrupt.ID: func(p *patient) {
		// A table that the start does not read, and not the schema, which everything reads.
		d, err := openSQLite(p.cfg.Path, nil)
		p.must(err)
		var page, size int64
		p.must(d.QueryRow(`SELECT rootpage FROM sqlite_schema WHERE name = 'browsers'`).Scan(&page))
		p.must(d.QueryRow(`PRAGMA page_size`).Scan(&size))
		p.must(d.Close())
		f, err := os.OpenFile(p.cfg.Path, os.O_RDWR, 0)
		p.must(err)
		defer f.Close()
		_, err = f.WriteAt(bytes.Repeat([]byte{0xa5}, 200), (page-1)*size)
		p.must(err)
	},
	FoundJournal.ID: func(p *patient) { p.exec(`PRAGMA journal_mode = DELETE`) },
	FoundWAL.ID: func(p *patient) {
		p.must(os.WriteFile(p.cfg.Path+"-wal", nil, 0o600))
		p.must(os.Truncate(p.cfg.Path+"-wal", largeWAL+1))
	},
	FoundLarge.ID: func(p *patient) { p.must(os.Truncate(p.cfg.Path, largeFile+4096)) },
	FoundLogBroken.ID: func(p *patient) {
		p.exec(`DROP TRIGGER audit_entries_update`, `UPDATE audit_entries SET bytes = replace(bytes, 'sign', 'sing') WHERE seq = 2`)
	},
	FoundLost.ID: func(p *patient) {
		p.use(func(s *Store) { p.must(s.Record(p.t.Context(), signedIn())) })
		p.exec(`DROP TRIGGER newest_update`, `UPDATE newest SET entry = 1`)
	},
	FoundOtherName.ID: func(p *patient) { p.use(func(s *Store) { p.passkey(s, "old.example.test") }) },
	FoundStuck.ID: func(p *patient) {
		p.exec(fmt.Sprintf(`INSERT INTO deliveries (to_guid, kind, channel, subscription, nonce, created, until, due, attempts, code)
			VALUES ('%s', 'review', 'mail', '', 'n', %d, %d, 0, 7, 'mail.down')`, anna, millis(time.Now().Add(-time.Hour)), millis(time.Now().Add(time.Hour))))
	},
	FoundNoBackup.ID:   func(p *patient) { p.cfg.Backups = "" },
	FoundBackupGone.ID: func(p *patient) { p.must(os.Remove(p.backup)) },
	FoundOldBackup.ID: func(p *patient) {
		at := time.Now().Add(-50 * time.Hour)
		p.must(os.Chtimes(p.backup, at, at))
	},
	FoundEmptyBackup.ID:  func(p *patient) { p.must(os.WriteFile(p.backup, nil, 0o600)) },
	FoundInsideBackup.ID: func(p *patient) { p.cfg.Backups = p.dir + "/*" },

	FoundDataMissing.ID: func(p *patient) { p.must(os.RemoveAll(p.dir)) },
	FoundDataUnread.ID:  func(p *patient) { p.must(os.RemoveAll(p.dir)); p.must(os.WriteFile(p.dir, nil, 0o600)) },
	FoundDataOpen.ID:    func(p *patient) { p.must(os.Chmod(p.dir, 0o755)) },
	FoundDataOwner.ID:   func(p *patient) { p.giveAway(p.cfg.Path) },
	FoundNetworkDisk.ID: func(p *patient) {
		p.cfg.space = func(string) (space, error) { return space{kind: "nfs", network: true, free: 10 << 30}, nil }
	},
	FoundMemoryDisk.ID: func(p *patient) { p.onDisk("size=2g") },
	FoundDiskLow.ID:    func(p *patient) { p.onDisk("size=512m") },
	FoundDiskFull.ID:   func(p *patient) { p.onDisk("size=64m") },
	FoundInodes.ID:     func(p *patient) { p.onDisk("size=2g,nr_inodes=100") },
	FoundReadOnly.ID: func(p *patient) {
		at := p.onDisk("size=2g")
		p.must(syscall.Mount("", at, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	},
}

func TestDoctorFindsNothingInARightInstallation(t *testing.T) {
	p := newPatient(t)
	if r := p.examine(); r.Worst() != doctor.OK || len(r.Findings()) != 6 {
		t.Errorf("got %+v", r.Findings())
	}
	// Also while a server writes.
	p.use(func(s *Store) {
		p.must(s.Record(t.Context(), signedIn()))
		if r := p.examine(); r.Worst() != doctor.OK {
			t.Errorf("beside a server: %+v", r.Findings())
		}
	})
}

func TestDoctorFindsEachKind(t *testing.T) {
	for _, k := range Kinds {
		if slices.Contains(postgresKinds, k) {
			continue // TestDoctorFindsAndMendsEachKindAtPostgreSQL
		}
		t.Run(k.ID, func(t *testing.T) {
			provoke := provocations[k.ID]
			if provoke == nil {
				t.Fatal("nothing provokes it")
			}
			p := newPatient(t)
			provoke(p)
			r := p.examine()
			got := r.Of(k)
			if len(got) != 1 || got[0].Subject == "" || got[0].Seen == "" || !doctortest.Mends(got[0].Mend) {
				t.Fatalf("got %+v", r.Findings())
			}
		})
	}
}

// Looking changes nothing: not a byte of a database that no server has open.
func TestDoctorChangesNothing(t *testing.T) {
	p := newPatient(t)
	before, err := os.ReadFile(p.cfg.Path)
	p.must(err)
	p.examine()
	after, err := os.ReadFile(p.cfg.Path)
	p.must(err)
	if !bytes.Equal(before, after) {
		t.Error("the database changed")
	}
	names, err := os.ReadDir(p.dir)
	p.must(err)
	if len(names) != 1 {
		t.Errorf("beside the database now lie %v", names)
	}
}
