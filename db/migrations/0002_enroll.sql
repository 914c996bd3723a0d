-- Passkeys, ceremonies, sessions, proofs, invitations.

CREATE TABLE handles (
    account TEXT PRIMARY KEY,
    handle  {{blob}} NOT NULL UNIQUE
);

CREATE TABLE credentials (
    id        {{blob}} PRIMARY KEY,
    account   TEXT NOT NULL,
    name      TEXT NOT NULL,
    record    TEXT NOT NULL,
    created   BIGINT NOT NULL,
    last_used BIGINT NOT NULL
);

CREATE INDEX credentials_account ON credentials (account, created);

CREATE TABLE ceremonies (
    num        {{serial}},
    id         TEXT NOT NULL UNIQUE,
    purpose    TEXT NOT NULL,
    account    TEXT NOT NULL,
    session    TEXT NOT NULL,
    data       {{blob}} NOT NULL,
    label      TEXT NOT NULL,
    nonce      {{blob}} NOT NULL,
    statement  {{blob}} NOT NULL,
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
    credential {{blob}} NOT NULL,
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
    statement {{blob}} NOT NULL,
    at        BIGINT NOT NULL,
    receipt   TEXT NOT NULL
);

CREATE INDEX proofs_session ON proofs (session, at);
CREATE INDEX proofs_at ON proofs (at);

-- Whoever inserts the row has consumed the proof. Rows stay when proofs go, so
-- that a proof can never be consumed again.
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
