-- Which notice a delivery is of and whether it was taken, how it stands with the
-- cap of its reader, and what lets everything else go first.

ALTER TABLE deliveries ADD COLUMN notice BIGINT NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN taken BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE deliveries ADD COLUMN cap TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN bulk BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE outbox ADD COLUMN bulk BOOLEAN NOT NULL DEFAULT FALSE;

CREATE INDEX deliveries_notice ON deliveries (notice);

DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (bulk, due, id) WHERE ended = 0;

DROP INDEX outbox_waiting;
CREATE INDEX outbox_waiting ON outbox (bulk, id) WHERE ended = 0;
