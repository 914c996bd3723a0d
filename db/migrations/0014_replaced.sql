-- When a proof of somebody who held one already was added or replaced last: what
-- changes a credential may have to wait for a while after it.
CREATE TABLE replaced_proofs (
    account TEXT PRIMARY KEY,
    at      BIGINT NOT NULL
);
