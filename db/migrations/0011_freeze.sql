-- When a freeze was last lifted: what somebody was given before, to freeze the
-- account with, is no good any more.

CREATE TABLE thaws (
    account TEXT PRIMARY KEY,
    at      BIGINT NOT NULL
);

CREATE INDEX thaws_at ON thaws (at);
