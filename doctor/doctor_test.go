package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

var (
	kindNote    = Kind{"url.note", Note, "Because of the note."}
	kindWarning = Kind{"config.warning", Warning, "Because of the warning."}
	kindFailure = Kind{"url.failure", Failure, "Because of the failure."}
)

func sample() *Report {
	r := &Report{}
	r.Found(kindFailure, "host\x1b[31m", "It\u202e is broken.", Line{Shell, "mend it"}, Line{Config, "public_url: x"})
	r.Good("url.fine", "host", "It answers.")
	r.Found(kindWarning, "file", "It will break.")
	r.Good("db.fine", "db", "It opens.")
	r.Found(kindNote, "host", "It could be better.")
	return r
}

func TestTheWorstIsRightAboveTheSummary(t *testing.T) {
	var out bytes.Buffer
	if err := sample().Text(&out, Look{}); err != nil {
		t.Fatal(err)
	}
	text, at := out.String(), -1
	for _, part := range []string{"Database", "Configuration", "warning  file: It will break.", "Because of the warning. [config.warning]", "Public address", "ok       host: It answers.",
		"note     host", "FAILURE  host[31m: It is broken.", "Run:", "    mend it", "In the configuration:", "    public_url: x", "1 failure, 1 warning, 1 note, 2 right"} {
		i := strings.Index(text, part)
		if i <= at {
			t.Fatalf("%q is not where it belongs:\n%s", part, text)
		}
		at = i
	}
	if strings.ContainsAny(text, "\x1b\u202e") {
		t.Error("what was seen draws on the terminal")
	}
}

func TestQuietHidesTheGreen(t *testing.T) {
	var out bytes.Buffer
	if err := sample().Text(&out, Look{Quiet: true, Colour: true}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "It answers") || strings.Contains(out.String(), "Database") || !strings.Contains(out.String(), "\x1b[1;31mFAILURE") {
		t.Errorf("got\n%s", out.String())
	}
}

func TestExitCodeFollowsTheWorst(t *testing.T) {
	r := &Report{}
	for _, step := range []struct {
		kind Kind
		want int
	}{{kindNote, 0}, {kindWarning, 3}, {kindFailure, 4}, {kindNote, 4}} {
		r.Found(step.kind, "", "")
		if got := r.ExitCode(); got != step.want {
			t.Errorf("after %s: %d, want %d", step.kind.ID, got, step.want)
		}
	}
	if (&Report{}).ExitCode() != 0 {
		t.Error("an empty report is no failure")
	}
}

func TestJSONSaysTheSame(t *testing.T) {
	var out bytes.Buffer
	if err := sample().JSON(&out, "v1", time.Unix(0, 0), false); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Format, Exit int
		Worst        string
		Counts       map[string]int
		Findings     []struct {
			ID, Severity, Why, Subject, Seen string
			Mend                             []Line
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Format != 1 || got.Exit != 4 || got.Worst != "failure" || got.Counts["ok"] != 2 || len(got.Findings) != 5 ||
		got.Findings[0].ID != "url.failure" || got.Findings[0].Mend[1].Tool != Config || got.Findings[0].Why == "" {
		t.Errorf("got %+v", got)
	}
}

func TestOnlyKeepsAnAreaAndWhatTheChecksSayOfThemselves(t *testing.T) {
	r := sample()
	r.Found(Unfinished, "db.x", "")
	got := r.Only("config").Findings()
	if len(got) != 2 || got[0].ID != "config.warning" || got[1].ID != Unfinished.ID {
		t.Errorf("got %+v", got)
	}
}

func TestReportsComeInTheOrderOfTheChecks(t *testing.T) {
	second := make(chan struct{})
	r := Run(t.Context(), time.Minute,
		Check{"a", func(_ context.Context, r *Report) { <-second; r.Good("a.x", "", "") }},
		Check{"b", func(_ context.Context, r *Report) { r.Good("b.x", "", ""); close(second) }},
		Check{"c", func(_ context.Context, r *Report) { panic("of c") }},
	)
	got := r.Findings()
	if len(got) != 3 || got[0].ID != "a.x" || got[1].ID != "b.x" || got[2].ID != Crashed.ID || got[2].Seen != "of c" {
		t.Errorf("got %+v", got)
	}
}

func TestACheckThatHangsIsLeftBehindAndReported(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := Run(ctx, time.Minute,
		Check{"data.disk", func(_ context.Context, r *Report) { r.Good("data.first", "", ""); <-hang; r.Good("data.late", "", "") }},
		Check{"url", func(ctx context.Context, r *Report) { <-ctx.Done(); r.Good("url.said", "", "") }},
	)
	got := r.Findings()
	if len(got) != 3 || got[0].ID != "data.first" || got[1].ID != Unfinished.ID || got[1].Subject != "data.disk" || got[2].ID != "url.said" {
		t.Errorf("got %+v", got)
	}
}
