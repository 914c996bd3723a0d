package audit

import (
	"encoding/hex"
	"fmt"
	"io"
)

// LabelExport names the format of an exported file, in its closing line.
const LabelExport = "latchkey/audit-export/v1"

// WriteEntry writes one line of an export: the stored bytes as they are, their
// hash, and the personal values that were not erased, with their salts.
func WriteEntry(w io.Writer, n Entry) error {
	b := append([]byte(`{"event":`), n.Bytes...)
	b = append(b, `,"hash":"`...)
	b = hex.AppendEncode(b, n.Hash[:])
	b = append(b, `","personal":`...)
	values := make(map[string]any, len(n.Personal))
	for k, s := range n.Personal {
		values[k] = map[string]any{"salt": hex.EncodeToString(s.Salt[:]), "value": s.Value}
	}
	b, err := appendObject(b, values, 2)
	if err != nil {
		return fmt.Errorf("write entry %d: %w", n.Seq, err)
	}
	return writeAll(w, append(b, '}', '\n'))
}

// WriteEnd writes the closing line, which tells a whole file from one that was
// cut between two lines.
func WriteEnd(w io.Writer, head Head) error {
	b, err := Canonical(map[string]any{
		"entries": head.Seq,
		"hash":    hex.EncodeToString(head.Hash[:]),
		"v":       LabelExport,
	})
	if err != nil {
		return fmt.Errorf("write end: %w", err)
	}
	return writeAll(w, append(b, '\n'))
}

func writeAll(w io.Writer, b []byte) error {
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("write export: %w", err)
	}
	return nil
}
