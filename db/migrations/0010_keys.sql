-- What a rotation of keys needs where several servers share the database.

-- Which server it is, and the ids of its keys, the one that seals first; a server
-- of an older release says nothing of them.
ALTER TABLE writers ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE writers ADD COLUMN keys TEXT NOT NULL DEFAULT '';

-- Keys that nothing is sealed under any more. A server that was away while they
-- went may have them still, and must not seal with them again.
CREATE TABLE retired_keys (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL
);
