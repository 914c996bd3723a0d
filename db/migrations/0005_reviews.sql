-- Who was asked to review, whom Latchkey does nothing for, and which reminders
-- went out. The seats stand in the request's document too, which counts.

CREATE TABLE asked (
    request  TEXT NOT NULL REFERENCES requests (id),
    account  TEXT NOT NULL,
    reviewed BOOLEAN NOT NULL,
    PRIMARY KEY (request, account)
);

CREATE INDEX asked_account ON asked (account);

CREATE TABLE freezes (
    account TEXT PRIMARY KEY,
    by_guid TEXT NOT NULL,
    request TEXT NOT NULL,
    at      BIGINT NOT NULL
);

CREATE TABLE reminders (
    account TEXT NOT NULL,
    expires BIGINT NOT NULL,
    days    BIGINT NOT NULL,
    PRIMARY KEY (account, expires, days)
);

CREATE INDEX reminders_expires ON reminders (expires);
