// Package frequency holds the words that people use most, most used first.
package frequency

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"strings"
)

// A line for each list: its name, then its words. All are in lower case.
//
//go:embed lists.txt.gz
var packed []byte

// FrequencyLists unpacks the lists, by name.
func FrequencyLists() map[string][]string {
	text, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil { // the file is a part of the program
		panic(err)
	}
	lists := map[string][]string{}
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		lists[words[0]] = words[1:]
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
	return lists
}
