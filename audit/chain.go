package audit

// Head is the end of the chain: the number of the last entry and its hash.
// The zero Head stands before the first entry.
type Head struct {
	Seq  int64
	Hash [32]byte
}

// Entry is a sealed event as it is stored: the hash covers Bytes, and Bytes are
// never encoded again.
type Entry struct {
	Seq      int64
	Time     int64 // unix ms, for queries only
	Action   Action
	Actor    string
	Target   string
	Request  string
	Bytes    []byte // canonical JSON (RFC 8785), with the previous entry's hash inside
	Hash     [32]byte
	Personal map[string]Salted
}

// Salted is an erasable value and its salt.
type Salted struct {
	Salt  [16]byte
	Value string
}
