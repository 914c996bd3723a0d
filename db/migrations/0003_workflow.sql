-- Requests, as one JSON document with the columns that queries need beside it,
-- and who is to be told of them.

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
    id      {{serial}},
    to_guid TEXT NOT NULL,
    kind    TEXT NOT NULL,
    params  TEXT NOT NULL,
    created BIGINT NOT NULL
);
