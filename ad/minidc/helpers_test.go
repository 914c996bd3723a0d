package minidc_test

import "testing"

const base = "DC=corp,DC=example,DC=test"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
