package main

import "fmt"

const (
	// activeEnv is the number of the one mutant that is awake; recordEnv names the
	// file to which the numbers of those that are come by are written.
	activeEnv = "LATCHKEY_MUTANT"
	recordEnv = "LATCHKEY_MUTANTS_REACHED"
	// helperFile stands beside the sources in the overlay only.
	helperFile = "zz_mutants.go"
	// brokenExit is the status of a program whose mutant can't be made.
	brokenExit = 77
)

// helper is what the instrumented sources of a package call.
func helper(pkg string, mutants int) []byte {
	return fmt.Appendf(nil, `package %s

import (
	"os"
	"reflect"
	"strconv"
	"sync"
	"sync/atomic"
)

var (
	mutantActive  = mutantNumber(os.Getenv(%q))
	mutantRecord  = os.Getenv(%q)
	mutantReached [%d]atomic.Bool
	mutantMu      sync.Mutex
)

func mutantNumber(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

func mutantOn(id int) bool {
	if mutantRecord != "" && !mutantReached[id].Swap(true) {
		mutantMu.Lock()
		defer mutantMu.Unlock()
		f, err := os.OpenFile(mutantRecord, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			os.Exit(%[5]d)
		}
		f.WriteString(strconv.Itoa(id) + "\n")
		f.Close()
	}
	return id == mutantActive
}

func mutantInvert[B ~bool](id int, v B) B { return v != B(mutantOn(id)) }
func mutantFalse[B ~bool](id int, v B) B  { return v && !B(mutantOn(id)) }
func mutantTrue[B ~bool](id int, v B) B   { return B(mutantOn(id)) || v }

// mutantNever is v, or another value that no clause names.
func mutantNever[T comparable](id int, _, v T) T {
	if !mutantOn(id) {
		return v
	}
	switch at := reflect.ValueOf(&v).Elem(); at.Kind() {
	case reflect.String:
		at.SetString(at.String() + "\x00mutant")
	case reflect.Int, reflect.Int32, reflect.Int64:
		at.SetInt(at.Int() + 1<<30)
	case reflect.Uint8:
		at.SetUint(at.Uint() ^ 0xa5)
	default:
		println("mutant", id, "can't change a", at.Kind().String())
		os.Exit(%[5]d)
	}
	return v
}

var _ = []any{mutantInvert[bool], mutantFalse[bool], mutantTrue[bool], mutantNever[int]}
`, pkg, activeEnv, recordEnv, mutants, brokenExit)
}
