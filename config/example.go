package config

import _ "embed"

// Example is the documented example file that `latchkey config example` prints.
//
//go:embed example.yaml
var Example []byte
