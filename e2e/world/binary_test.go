//go:build linux

package world_test

import (
	"debug/elf"
	"os"
	"strings"
	"testing"

	"github.com/latchkey/latchkey/e2e/world"
)

// What `./task build` makes is static and small: it runs on any Linux as it is.
func TestTheBinaryIsStaticAndSmall(t *testing.T) {
	tasks, err := os.ReadFile("../../Taskfile.yml")
	world.Must(t, err)
	if !strings.Contains(string(tasks), "CGO_ENABLED=0 go build -trimpath -ldflags '-s -w ") {
		t.Error("Taskfile.yml builds it in another way than Binary")
	}
	t.Cleanup(world.RemoveBinary)
	path, err := world.Binary()
	world.Must(t, err)
	f, err := elf.Open(path)
	world.Must(t, err)
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it has a %v: it needs the machine's libraries", p.Type)
		}
	}
	info, err := os.Stat(path)
	world.Must(t, err)
	t.Logf("%.2f MB", float64(info.Size())/1e6)
	if info.Size() > 32e6 {
		t.Errorf("it has %d bytes", info.Size())
	}
}
