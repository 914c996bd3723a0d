-- A database as migration 4 left it, with notices in clear in its outbox.
BEGIN TRANSACTION;
CREATE TABLE audit_head (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    seq  BIGINT NOT NULL,
    hash BLOB NOT NULL
);

INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, zeroblob(32));

CREATE TABLE audit_entries (
    seq     INTEGER PRIMARY KEY,
    at      BIGINT NOT NULL,
    action  TEXT NOT NULL,
    actor   TEXT NOT NULL,
    target  TEXT NOT NULL,
    request TEXT NOT NULL,
    bytes   BLOB NOT NULL,
    hash    BLOB NOT NULL
);

CREATE INDEX audit_entries_target ON audit_entries (target, seq);

CREATE TABLE audit_personal (
    seq   BIGINT NOT NULL REFERENCES audit_entries (seq),
    name  TEXT NOT NULL,
    salt  BLOB NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (seq, name)
);

CREATE TRIGGER audit_entries_update BEFORE UPDATE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

CREATE TRIGGER audit_entries_delete BEFORE DELETE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

CREATE TRIGGER audit_personal_update BEFORE UPDATE ON audit_personal
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

CREATE TABLE handles (
    account TEXT PRIMARY KEY,
    handle  BLOB NOT NULL UNIQUE
);

CREATE TABLE credentials (
    id        BLOB PRIMARY KEY,
    account   TEXT NOT NULL,
    name      TEXT NOT NULL,
    record    TEXT NOT NULL,
    created   BIGINT NOT NULL,
    last_used BIGINT NOT NULL
);

CREATE INDEX credentials_account ON credentials (account, created);

CREATE TABLE ceremonies (
    num        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    purpose    TEXT NOT NULL,
    account    TEXT NOT NULL,
    session    TEXT NOT NULL,
    data       BLOB NOT NULL,
    label      TEXT NOT NULL,
    nonce      BLOB NOT NULL,
    statement  BLOB NOT NULL,
    invitation TEXT NOT NULL,
    created    BIGINT NOT NULL,
    expires    BIGINT NOT NULL
);

CREATE INDEX ceremonies_account ON ceremonies (purpose, account, num);
CREATE INDEX ceremonies_expires ON ceremonies (expires);
CREATE INDEX ceremonies_invitation ON ceremonies (invitation) WHERE invitation <> '';

CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    account    TEXT NOT NULL,
    credential BLOB NOT NULL,
    signed_in  BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    remember   BOOLEAN NOT NULL,
    device     TEXT NOT NULL,
    address    TEXT NOT NULL
);

CREATE INDEX sessions_account ON sessions (account, signed_in);
CREATE INDEX sessions_credential ON sessions (credential);

CREATE TABLE proofs (
    id        TEXT PRIMARY KEY,
    kind      TEXT NOT NULL,
    account   TEXT NOT NULL,
    session   TEXT NOT NULL,
    label     TEXT NOT NULL,
    statement BLOB NOT NULL,
    at        BIGINT NOT NULL,
    receipt   TEXT NOT NULL
);

CREATE INDEX proofs_session ON proofs (session, at);
CREATE INDEX proofs_at ON proofs (at);

CREATE TABLE consumed_proofs (
    proof TEXT PRIMARY KEY,
    use   TEXT NOT NULL
);

CREATE TABLE invitations (
    id         TEXT PRIMARY KEY,
    account    TEXT NOT NULL,
    invited_by TEXT NOT NULL,
    password   BOOLEAN NOT NULL,
    created    BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    used       BIGINT NOT NULL,
    revoked    BIGINT NOT NULL,
    tries      BIGINT NOT NULL
);

CREATE TABLE requests (
    id        TEXT PRIMARY KEY,
    kind      TEXT NOT NULL,
    state     TEXT NOT NULL,
    requester TEXT NOT NULL,
    target    TEXT NOT NULL,
    wake      BIGINT NOT NULL,
    created   BIGINT NOT NULL,
    updated   BIGINT NOT NULL,
    version   BIGINT NOT NULL,
    data      TEXT NOT NULL
);

CREATE INDEX requests_wake ON requests (wake) WHERE wake > 0;
CREATE INDEX requests_requester ON requests (requester, created);
CREATE INDEX requests_target ON requests (target, created);

CREATE TABLE outbox (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    to_guid TEXT NOT NULL,
    kind    TEXT NOT NULL,
    params  TEXT NOT NULL,
    created BIGINT NOT NULL
);

CREATE TABLE limits (
    id      BLOB PRIMARY KEY,
    full_at BIGINT NOT NULL
);

CREATE INDEX limits_full_at ON limits (full_at);

INSERT INTO outbox (id, to_guid, kind, params, created) VALUES
    (1, '00000001-0000-0000-0000-000000000000', 'gone', '{}', 1798804800000),
    (3, '00000001-0000-0000-0000-000000000000', 'request.done', '{"request":"0190-request-one"}', 1798804800123),
    (4, '00000001-0000-0000-0000-000000000000', 'request.done', 'null', 1798804800124);
DELETE FROM outbox WHERE id = 1;

CREATE TABLE goose_db_version (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1), (1, 1), (2, 1), (3, 1), (4, 1);
COMMIT;
