package db

// sqliteNewest finds an account's entries in the log, and its sessions, from the newest on,
// each of which leads to the one before, instead of by an index: there, each sign-in of
// somebody else writes another page of a tree that grows with everybody's history. The
// newest ones take a row for each account, and the ways back are written one after the
// other. Triggers keep both, and refuse what would lose an entry or a session.
const sqliteNewest = `
CREATE TABLE newest (
    account TEXT PRIMARY KEY,
    entry   BIGINT NOT NULL DEFAULT 0,
    session BIGINT NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE older_entries (
    seq   INTEGER PRIMARY KEY,
    older BIGINT NOT NULL CHECK (older < seq)
);

CREATE TABLE older_sessions (
    num   INTEGER PRIMARY KEY,
    older BIGINT NOT NULL CHECK (older < num)
);

CREATE TABLE new_sessions (
    id         TEXT PRIMARY KEY,
    account    TEXT NOT NULL,
    credential BLOB NOT NULL,
    signed_in  BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    remember   BOOLEAN NOT NULL,
    device     TEXT NOT NULL,
    address    TEXT NOT NULL,
    num        BIGINT NOT NULL
) WITHOUT ROWID;
INSERT INTO new_sessions (id, account, credential, signed_in, last_seen, expires, remember, device, address, num)
SELECT id, account, credential, signed_in, last_seen, expires, remember, device, address, row_number() OVER (ORDER BY signed_in, id) FROM sessions;
DROP TABLE sessions;
ALTER TABLE new_sessions RENAME TO sessions;
CREATE UNIQUE INDEX sessions_num ON sessions (num);

INSERT INTO older_entries (seq, older)
SELECT seq, lag(seq, 1, 0) OVER (PARTITION BY target ORDER BY seq) FROM audit_entries ORDER BY seq;
INSERT INTO older_sessions (num, older)
SELECT num, lag(num, 1, 0) OVER (PARTITION BY account ORDER BY num) FROM sessions ORDER BY num;
INSERT INTO newest (account, entry) SELECT target, max(seq) FROM audit_entries GROUP BY target;
INSERT INTO newest (account, session) SELECT account, max(num) FROM sessions WHERE true GROUP BY account
ON CONFLICT (account) DO UPDATE SET session = excluded.session;
DROP INDEX audit_entries_target;

CREATE TRIGGER audit_entries_insert AFTER INSERT ON audit_entries
BEGIN
    INSERT INTO older_entries (seq, older) VALUES (new.seq, coalesce((SELECT entry FROM newest WHERE account = new.target), 0));
    INSERT INTO newest (account, entry) VALUES (new.target, new.seq) ON CONFLICT (account) DO UPDATE SET entry = excluded.entry;
END;

CREATE TRIGGER sessions_insert AFTER INSERT ON sessions
BEGIN
    INSERT INTO older_sessions (num, older) VALUES (new.num, coalesce((SELECT session FROM newest WHERE account = new.account), 0));
    INSERT INTO newest (account, session) VALUES (new.account, new.num) ON CONFLICT (account) DO UPDATE SET session = excluded.session;
END;

CREATE TRIGGER sessions_moved BEFORE UPDATE OF num, account ON sessions
BEGIN SELECT RAISE(ABORT, 'a session stays whose it is'); END;

CREATE TRIGGER newest_update BEFORE UPDATE ON newest
WHEN new.account <> old.account OR new.entry < old.entry OR new.session < old.session
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

CREATE TRIGGER newest_delete BEFORE DELETE ON newest
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

CREATE TRIGGER older_entries_update BEFORE UPDATE ON older_entries
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

CREATE TRIGGER older_entries_delete BEFORE DELETE ON older_entries
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

CREATE TRIGGER older_sessions_update BEFORE UPDATE ON older_sessions
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;

CREATE TRIGGER older_sessions_delete BEFORE DELETE ON older_sessions
BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;`

// See dialect. CROSS JOIN keeps SQLite to the order that is written, whatever statistics
// say; newest stops at its limit inside, or all would be found first; and no session is
// older than the oldest that is left.
const (
	sqliteAbout     = `WITH RECURSIVE about (seq) AS (` + sqliteEntries + `) SELECT seq FROM about`
	sqliteNewestFew = `WITH RECURSIVE about (seq) AS (` + sqliteEntries + ` LIMIT $2) SELECT seq FROM about`
	sqliteEntries   = `
		SELECT entry FROM newest WHERE account = $1 AND entry > 0
		UNION ALL SELECT older FROM about CROSS JOIN older_entries USING (seq) WHERE older > 0`
	sqliteOfAccount = `account = $1 AND id IN (
		WITH RECURSIVE begun (num) AS (
			SELECT session FROM newest WHERE account = $1
			UNION ALL SELECT older FROM begun CROSS JOIN older_sessions USING (num) WHERE older >= (SELECT min(num) FROM sessions))
		SELECT id FROM begun CROSS JOIN sessions USING (num))`
	sqliteAddSession = `INSERT INTO sessions (` + sessionColumns + `, num)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, (SELECT coalesce(max(num), 0) + 1 FROM older_sessions))`
)

// lost counts entries, and sessions, that an account's newest does not lead to, or that
// somebody else's does. See sqliteNewest.
const lost = `
	WITH RECURSIVE about (account, seq) AS (
		SELECT account, entry FROM newest WHERE entry > 0
		UNION ALL SELECT account, older FROM about CROSS JOIN older_entries USING (seq) WHERE older > 0),
	begun (account, num) AS (
		SELECT account, session FROM newest
		UNION ALL SELECT account, older FROM begun CROSS JOIN older_sessions USING (num) WHERE older >= (SELECT min(num) FROM sessions))
	SELECT (SELECT count(*) FROM (SELECT target, seq FROM audit_entries EXCEPT SELECT account, seq FROM about))
			+ (SELECT count(*) FROM (SELECT account, seq FROM about EXCEPT SELECT target, seq FROM audit_entries)),
		(SELECT count(*) FROM (SELECT account, num FROM sessions EXCEPT SELECT account, num FROM begun))`
