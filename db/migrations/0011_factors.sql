-- Proofs beside passkeys: recovery codes and authenticator apps. What each is checked
-- by is sealed, bound to its row.
CREATE TABLE factors (
    id      TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    kind    TEXT NOT NULL,
    secret  {{blob}} NOT NULL,
    step    BIGINT NOT NULL,
    created BIGINT NOT NULL,
    used    BIGINT NOT NULL
);

CREATE INDEX factors_account ON factors (account, kind);
