-- How often a proof was wrong since it was last right, and when: each wrong try makes
-- the next one wait longer.
ALTER TABLE factors ADD COLUMN fails BIGINT NOT NULL DEFAULT 0;
ALTER TABLE factors ADD COLUMN failed BIGINT NOT NULL DEFAULT 0;
