-- Token buckets. A bucket is the time at which it is full again; one that is full
-- may be forgotten.

CREATE TABLE limits (
    id      {{blob}} PRIMARY KEY,
    full_at BIGINT NOT NULL
);

CREATE INDEX limits_full_at ON limits (full_at);
