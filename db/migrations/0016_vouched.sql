-- Which session a request was asked for by a word: a browser that waits looks for it
-- every few seconds. NULL for all others.
ALTER TABLE requests ADD COLUMN vouched TEXT;
CREATE INDEX requests_vouched ON requests (vouched) WHERE vouched IS NOT NULL;
