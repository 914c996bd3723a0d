-- When a freeze was last lifted: what somebody was given before, to freeze the
-- account with, is no good any more.

CREATE TABLE thaws (
    account TEXT PRIMARY KEY,
    at      BIGINT NOT NULL
);

CREATE INDEX thaws_at ON thaws (at);

-- When its owner proved with a passkey that it is them; 0 for never.
ALTER TABLE freezes ADD COLUMN asked BIGINT NOT NULL DEFAULT 0;
