-- How often whoever was signed in was wrong in a row, and when last: apart from the tries
-- of strangers, who make nobody wait beside their own passkey.
ALTER TABLE factors ADD COLUMN own_fails BIGINT NOT NULL DEFAULT 0;
ALTER TABLE factors ADD COLUMN own_failed BIGINT NOT NULL DEFAULT 0;
