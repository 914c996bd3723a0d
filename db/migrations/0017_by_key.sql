-- That a ceremony was taken which was never saved: nothing of it is kept but this. One
-- ceremony always ends at the same time, so that new ones stand together.
CREATE TABLE spent_ceremonies (
    expires BIGINT NOT NULL,
    id      TEXT NOT NULL,
    PRIMARY KEY (expires, id)
){{by_key}};

INSERT INTO spent_ceremonies (expires, id) SELECT expires, id FROM ceremonies WHERE id LIKE 'spent %';
DELETE FROM ceremonies WHERE id LIKE 'spent %';

-- A passkey's sessions are found among its account's.
DROP INDEX sessions_credential;
{{rebuilt_by_key}}
