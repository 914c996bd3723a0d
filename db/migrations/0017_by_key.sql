-- That a ceremony was taken which was never saved: nothing of it is kept but this. One
-- ceremony always ends at the same time, so that new ones stand together. session is one that
-- nobody waits for any more (purpose stop), or ''.
CREATE TABLE spent_ceremonies (
    expires BIGINT NOT NULL,
    id      TEXT NOT NULL,
    purpose TEXT NOT NULL,
    session TEXT NOT NULL,
    PRIMARY KEY (expires, id)
){{by_key}};

CREATE INDEX spent_ceremonies_session ON spent_ceremonies (purpose, session) WHERE session <> '';

INSERT INTO spent_ceremonies (expires, id, purpose, session) SELECT expires, id, purpose, session FROM ceremonies WHERE id LIKE 'spent %';
DELETE FROM ceremonies WHERE id LIKE 'spent %';

-- A passkey's sessions are found among its account's.
DROP INDEX sessions_credential;
{{rebuilt_by_key}}
