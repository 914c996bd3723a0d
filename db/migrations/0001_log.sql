-- The audit log. Entries are only ever added; audit_head is the end of the chain
-- and is locked by whoever adds.

CREATE TABLE audit_head (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    seq  BIGINT NOT NULL,
    hash {{blob}} NOT NULL
);

INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, {{zero32}});

CREATE TABLE audit_entries (
    seq     {{key}},
    at      BIGINT NOT NULL,
    action  TEXT NOT NULL,
    actor   TEXT NOT NULL,
    target  TEXT NOT NULL,
    request TEXT NOT NULL,
    bytes   {{blob}} NOT NULL,
    hash    {{blob}} NOT NULL
);

CREATE INDEX audit_entries_target ON audit_entries (target, seq);

CREATE TABLE audit_personal (
    seq   BIGINT NOT NULL REFERENCES audit_entries (seq),
    name  TEXT NOT NULL,
    salt  {{blob}} NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (seq, name)
);

{{append_only}}
