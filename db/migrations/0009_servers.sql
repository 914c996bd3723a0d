-- What two servers on one database need.

-- Of two requests for one thing, and of two writes to one account, one wins: the
-- keys are there while the request is open, and while its outcome is. What is
-- older has none, and is found by looking, as before.
ALTER TABLE requests ADD COLUMN open_key TEXT;
ALTER TABLE requests ADD COLUMN outcome_key TEXT;

CREATE UNIQUE INDEX requests_open ON requests (open_key);
CREATE UNIQUE INDEX requests_outcome ON requests (outcome_key);

-- The last batch that each server committed: where the answer to a COMMIT was
-- lost, it tells. One process that has the file to itself needs none.
CREATE TABLE writers (
    holder TEXT PRIMARY KEY,
    batch  BIGINT NOT NULL,
    at     BIGINT NOT NULL
);
