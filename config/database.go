package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/latchkey/latchkey/secret"
)

// Database says where a PostgreSQL database is; the zero value is the SQLite file
// in Data. The DSN is read from a file or from the environment: it holds a password.
type Database struct {
	DSNFile string `yaml:"dsn_file"`
	DSNEnv  string `yaml:"dsn_env"`
}

// DSN reads the DSN; it is empty for SQLite.
func (d Database) DSN() (secret.Text, error) {
	var dsn secret.Text
	var err error
	switch {
	case d.DSNEnv != "":
		if dsn, err = secretEnv(d.DSNEnv); err != nil {
			return secret.Text{}, err
		}
	case d.DSNFile != "":
		if dsn, err = secretFile(d.DSNFile); err != nil {
			return secret.Text{}, err
		}
	default:
		return secret.Text{}, nil
	}
	return dsn, checkDSN(dsn.Reveal())
}

// checkDSN: no error shows any of it. TLS has to be asked for: without sslmode, or
// with one that gives in, whoever sits in between is handed the database in clear.
func checkDSN(dsn string) error {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return fmt.Errorf("is no DSN, such as postgres://latchkey:…@db.corp.example.test/latchkey?sslmode=verify-full")
	}
	if strings.Trim(u.Path, "/") == "" {
		return fmt.Errorf("names no database: postgres://…@host/DATABASE")
	}
	mode := u.Query().Get("sslmode")
	if !here(u) && !slices.Contains([]string{"disable", "require", "verify-ca", "verify-full"}, mode) {
		return fmt.Errorf("needs sslmode=verify-full (and sslrootcert=FILE for an authority of your own): without it the connection may be in clear")
	}
	return nil
}

// here says whether the server is on this machine.
func here(u *url.URL) bool {
	host := u.Hostname()
	if host == "" {
		host = u.Query().Get("host")
	}
	ip := net.ParseIP(host)
	return host == "" || strings.HasPrefix(host, "/") || host == "localhost" || ip != nil && ip.IsLoopback()
}

func (c Config) checkDatabase(f *finder) {
	d := c.Database
	if d.DSNFile != "" && d.DSNEnv != "" {
		f.add("database", "takes either dsn_file or dsn_env")
		return
	}
	if _, err := d.DSN(); err != nil {
		key := "database.dsn_file"
		if d.DSNEnv != "" {
			key = "database.dsn_env"
		}
		f.add(key, "%v", err)
	}
}
