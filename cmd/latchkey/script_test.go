package main

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"latchkey": func() {
			keyStep = killAt(os.Getenv(killEnv))
			now = clockOf(os.Getenv(clockEnv))
			os.Exit(run(context.Background(), os.Args[1:], streams{os.Stdout, os.Stderr}))
		},
	})
}

// The command line, as its users type it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script"})
}
