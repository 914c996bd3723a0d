-- Notices and deliveries, with their parameters sealed, and where to deliver. A
-- row is held until lease by holder, a server; what has ended keeps no body.

-- params is what an earlier release wrote in clear; opening seals it into body.
ALTER TABLE outbox ADD COLUMN until BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN nonce TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN body {{blob}};
ALTER TABLE outbox ADD COLUMN lease BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN holder TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN ended BIGINT NOT NULL DEFAULT 0;

CREATE INDEX outbox_waiting ON outbox (id) WHERE ended = 0;
CREATE INDEX outbox_ended ON outbox (ended) WHERE ended > 0;

CREATE TABLE deliveries (
    id           {{serial}},
    to_guid      TEXT NOT NULL,
    kind         TEXT NOT NULL,
    channel      TEXT NOT NULL,
    subscription TEXT NOT NULL,
    nonce        TEXT NOT NULL,
    body         {{blob}},
    created      BIGINT NOT NULL,
    until        BIGINT NOT NULL,
    due          BIGINT NOT NULL,
    attempts     BIGINT NOT NULL,
    lease        BIGINT NOT NULL DEFAULT 0,
    holder       TEXT NOT NULL DEFAULT '',
    code         TEXT NOT NULL DEFAULT '',
    ended        BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX deliveries_due ON deliveries (due) WHERE ended = 0;
CREATE INDEX deliveries_subscription ON deliveries (subscription) WHERE ended = 0;
CREATE INDEX deliveries_ended ON deliveries (ended) WHERE ended > 0;

-- The hash of the endpoint keeps it unique without showing it.
CREATE TABLE subscriptions (
    id       TEXT PRIMARY KEY,
    account  TEXT NOT NULL,
    hash     {{blob}} NOT NULL UNIQUE,
    endpoint {{blob}} NOT NULL,
    p256dh   {{blob}} NOT NULL,
    auth     {{blob}} NOT NULL,
    vapid    TEXT NOT NULL,
    device   TEXT NOT NULL,
    created  BIGINT NOT NULL,
    renewed  BIGINT NOT NULL,
    reached  BIGINT NOT NULL,
    failed   TEXT NOT NULL
);

CREATE INDEX subscriptions_account ON subscriptions (account, created);

CREATE TABLE vapid_keys (
    id      TEXT PRIMARY KEY,
    public  TEXT NOT NULL,
    private {{blob}} NOT NULL,
    created BIGINT NOT NULL
);
