package world

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/latchkey/latchkey/e2e/postgres"
)

// configure writes the server's configuration. JSON is YAML.
func (w *World) configure(o Options) {
	w.T.Helper()
	port := o.Port
	if port == "" {
		port = FreePort(w.T)
	}
	w.Port = port
	w.URL = o.Public
	if w.URL == "" {
		w.URL = "http://localhost:" + port
	}
	ports := []string{port}
	if o.Two {
		ports = append(ports, FreePort(w.T))
		w.openFront(ports)
	}
	w.settings = laidOver(laidOver(w.plain(o, port), w.outside()), o.Settings)
	if o.Two || o.Postgres || o.Cluster != nil || !o.File && os.Getenv("LATCHKEY_DATABASE") == "postgres" {
		w.settings = laidOver(w.settings, w.database(o.Cluster))
	}
	w.Config = filepath.Join(w.Dir, "latchkey.yaml")
	w.Configure(nil)
	w.server.config, w.server.ready = w.Config, filepath.Join(w.Dir, "ready.json")
	if o.Two {
		w.second.ready = filepath.Join(w.Dir, "ready-second.json")
		w.secondSettings = map[string]any{"listen": "127.0.0.1:" + ports[1], "data": w.Data + "-second"}
		w.ConfigureSecond(nil)
	}
}

// ConfigureSecond lays settings over those of the second of two servers, and writes
// its file.
func (w *World) ConfigureSecond(more map[string]any) {
	w.T.Helper()
	w.secondSettings = laidOver(w.secondSettings, more)
	w.second.config = w.settingsFile("second.yaml", laidOver(w.settings, w.secondSettings))
}

// Configure lays settings over those that the server has, and writes the file. A
// server that runs does not know of it yet.
func (w *World) Configure(more map[string]any) {
	w.T.Helper()
	w.settings = laidOver(w.settings, more)
	w.settingsFile("latchkey.yaml", w.settings)
}

func (w *World) settingsFile(name string, s map[string]any) string {
	w.T.Helper()
	text, err := json.Marshal(s)
	Must(w.T, err)
	return w.write(name, text)
}

// database is an empty one in a PostgreSQL server; nil takes that of this test process.
func (w *World) database(cluster *postgres.Cluster) map[string]any {
	w.T.Helper()
	if cluster == nil {
		cluster = postgres.Shared(w.T)
	}
	dsn := cluster.Database(w.T)
	return map[string]any{
		"database": map[string]any{"dsn_file": w.write("database.dsn", []byte(dsn))},
		"secrets":  map[string]any{"key_file": filepath.Join(w.Dir, "secret.key")},
	}
}

func (w *World) plain(o Options, port string) map[string]any {
	ca := w.write("ca.pem", w.DC.CAPEM())
	secret := w.write("password", []byte(o.ServicePassword))
	act := map[string]any{"prove": []string{"passkey"}}
	return map[string]any{
		"listen": "127.0.0.1:" + port, "public_url": w.URL, "organisation": "World", "limit_factor": 1000, "data": w.Data,
		"support": map[string]any{"name": "Desk", "phone": "1"}, "passwords": map[string]any{"strength": 0},
		"directory": map[string]any{
			"controllers": []string{w.LDAPS}, "ca_file": ca,
			"read": map[string]any{"bind": "CORP\\svc-latchkey", "password_file": secret},
		},
		"policies": []any{map[string]any{
			"name": "all", "who": map[string]any{"everyone": true}, "unlock": act, "reset": act, "change": act, "one-time": act,
		}},
	}
}

// outside leads to the Stand.
func (w *World) outside() map[string]any {
	if w.Stand == nil {
		return nil
	}
	host, port, err := net.SplitHostPort(w.Stand.Mail.Address())
	Must(w.T, err)
	number, err := strconv.Atoi(port)
	Must(w.T, err)
	return map[string]any{
		"push": map[string]any{"proxy": w.Stand.Push.ProxyURL(), "ca_file": w.Stand.CAFile, "subject": "desk@corp.example.test"},
		"mail": map[string]any{"host": host, "port": number, "from": "latchkey@corp.example.test", "ca_file": w.Stand.CAFile},
	}
}

// ByManager is a policy under which the manager approves everything but an
// unlock, within 15 minutes.
func ByManager(more map[string]any) []any {
	act := laidOver(map[string]any{
		"prove": []string{"passkey"}, "approve": []any{map[string]any{"by": "manager", "within": "15m"}},
	}, more)
	return []any{map[string]any{
		"name": "by manager", "who": map[string]any{"everyone": true},
		"unlock": map[string]any{"prove": []string{"passkey"}}, "reset": act, "change": act, "one-time": act,
	}}
}

// laidOver replaces values, and takes away those of nil; maps are gone into.
func laidOver(below, above map[string]any) map[string]any {
	out := maps.Clone(below)
	for key, v := range above {
		inner, ok := v.(map[string]any)
		under, also := out[key].(map[string]any)
		if ok && also {
			v = laidOver(under, inner)
		}
		if out[key] = v; v == nil {
			delete(out, key)
		}
	}
	return out
}

func (w *World) write(name string, b []byte) string {
	w.T.Helper()
	path := filepath.Join(w.Dir, name)
	Must(w.T, os.WriteFile(path, b, 0o600))
	return path
}

// FreePort is free now. It lies below those that the system gives to outgoing
// connections, one of which would take it before its server starts.
func FreePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(20_000 + rand.IntN(12_000))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			Must(t, l.Close())
			return port
		}
	}
	t.Fatal("no port is free")
	return ""
}
