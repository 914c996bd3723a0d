package samba

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"
)

// snapshotAge is how long a snapshot is good: passwords in it grow older, and
// the domain lets them expire after 42 days.
const snapshotAge = 7 * 24 * time.Hour

// smbConf keeps every directory private to the controller, so that nothing of
// the machine's own Samba is read or written.
var smbConf = template.Must(template.New("smb.conf").Parse(`[global]
	netbios name = {{.NetBIOSHost}}
	realm = {{.Realm}}
	workgroup = {{.Workgroup}}
	server role = active directory domain controller
	server services = {{.Services}}
	interfaces = {{.Address}}/8
	bind interfaces only = yes
	disable netbios = yes
	private dir = {{.Dir}}/private
	state directory = {{.Dir}}/state
	cache directory = {{.Dir}}/cache
	lock directory = {{.Dir}}/lock
	pid directory = {{.Dir}}/pid
	ncalrpc dir = {{.Dir}}/ncalrpc
	ntp signd socket directory = {{.Dir}}/ntp_signd
	winbindd socket directory = {{.Dir}}/winbindd
	binddns dir = {{.Dir}}/binddns
	idmap_ldb:use rfc2307 = yes
	ldb:nosync = true
	old password allowed period = 0
	tls enabled = yes
	tls certfile = {{.Dir}}/tls/cert.pem
	tls keyfile = {{.Dir}}/tls/key.pem
	tls cafile = {{.Dir}}/tls/ca.pem
	tls priority = NORMAL:-VERS-TLS-ALL:+VERS-TLS1.3:+VERS-TLS1.2

[sysvol]
	path = {{.Dir}}/state/sysvol
	read only = no

[netlogon]
	path = {{.Dir}}/state/sysvol/{{.Domain}}/scripts
	read only = no
`))

var directories = []string{"etc", "private", "state", "cache", "lock", "pid", "ncalrpc", "ntp_signd", "winbindd", "binddns", "state/sysvol"}

// provisionArgs is all that makes the empty domain, but for the directory.
var provisionArgs = []string{
	"domain", "provision", "--server-role=dc", "--use-rfc2307", "--dns-backend=SAMBA_INTERNAL",
	"--realm=" + realm, "--domain=" + netBIOS, "--host-name=" + hostName, "--host-ip=127.0.77.1", "--adminpass=" + adminPassword,
}

// provisioned returns the file of the empty domain, making it when it is not there.
func provisioned(ctx context.Context) (string, error) {
	version, err := exec.CommandContext(ctx, "/usr/sbin/samba", "--version").Output()
	if err != nil {
		return "", err
	}
	return cached("base", []string{string(version), strings.Join(provisionArgs, " "), smbConf.Root.String()}, func(file string) error {
		return provision(ctx, file)
	})
}

// seeded returns the seeded snapshot's file, making it when it is not there.
func seeded(ctx context.Context, seed seed) (string, error) {
	base, err := provisioned(ctx)
	if err != nil {
		return "", fmt.Errorf("provision: %w", err)
	}
	return cached("seeded", []string{filepath.Base(base), seed.key()}, func(file string) error {
		return plant(ctx, base, seed, file)
	})
}

// cached returns the file for these ingredients. make writes it; parallel
// programs wait for the one that does.
func cached(kind string, ingredients []string, make func(file string) error) (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	dir = filepath.Join(dir, "latchkey-samba")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(strings.Join(ingredients, "\x00")))
	file := filepath.Join(dir, kind+"-"+hex.EncodeToString(sum[:8])+".tar.gz")
	unlock, err := lockFile(file+".lock", 0)
	if err != nil {
		return "", err
	}
	defer unlock()
	if fresh(file) {
		return file, nil
	}
	if err := make(file + ".new"); err != nil {
		return "", err
	}
	prune(dir)
	return file, os.Rename(file+".new", file)
}

// prune removes what no version of this package will use again.
func prune(dir string) {
	old, _ := filepath.Glob(filepath.Join(dir, "*.tar.gz"))
	for _, f := range old {
		if !fresh(f) {
			os.Remove(f)
		}
	}
}

// fresh says whether the file is there and young; one from the future is not.
func fresh(file string) bool {
	info, err := os.Stat(file)
	if err != nil {
		return false
	}
	age := time.Since(info.ModTime())
	return age >= 0 && age < snapshotAge
}

// provision makes the empty domain in a temporary directory and packs it.
func provision(ctx context.Context, file string) error {
	dc := newDC(Options{}, "")
	dc.Address = "127.0.77.1" // nothing listens while provisioning
	var err error
	if dc.dir, err = os.MkdirTemp("", "latchkey-provision-"); err != nil {
		return err
	}
	defer os.RemoveAll(dc.dir)
	if err := dc.configure(); err != nil {
		return err
	}
	// With an smb.conf in place provision leaves the machine's alone.
	if err := output(exec.CommandContext(ctx, "samba-tool", append(provisionArgs, "--targetdir="+dc.dir)...)); err != nil {
		return err
	}
	if err := dc.configure(); err != nil {
		return err
	}
	return dc.pack(file)
}

// plant seeds the empty domain through a running controller and packs it.
func plant(ctx context.Context, base string, seed seed, file string) error {
	dc, err := launch(ctx, Options{}, base)
	if err != nil {
		return err
	}
	defer dc.Stop()
	if err := seed.sow(dc); err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	dc.halt()
	return dc.pack(file)
}

func (dc *DC) pack(file string) error {
	return output(exec.Command("tar", "-czf", file, "-C", dc.dir, "--exclude=*.sock", "private", "state"))
}

// unpack replaces the controller's database by the snapshot.
func (dc *DC) unpack() error {
	for _, d := range directories {
		if err := os.RemoveAll(dc.path(d)); err != nil {
			return err
		}
	}
	if err := dc.configure(); err != nil {
		return err
	}
	if err := output(exec.Command("tar", "-xzf", dc.snapshot, "-C", dc.dir)); err != nil {
		return fmt.Errorf("unpack snapshot: %w", err)
	}
	return nil
}

// configure makes the directories and writes smb.conf, the only file that
// knows them.
func (dc *DC) configure() error {
	for _, d := range directories {
		if err := os.MkdirAll(dc.path(d), 0o700); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(dc.conf(), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = smbConf.Execute(f, map[string]string{
		"NetBIOSHost": strings.ToUpper(hostName), "Realm": realm, "Workgroup": netBIOS, "Domain": dc.Domain,
		"Services": dc.services(), "Address": dc.Address, "Dir": dc.dir,
	})
	return errors.Join(err, f.Close())
}

func (dc *DC) services() string {
	list := "ldap"
	if dc.opts.KDC {
		list += ", kdc"
	}
	if dc.opts.DNS {
		list += ", dns"
	}
	return list
}
