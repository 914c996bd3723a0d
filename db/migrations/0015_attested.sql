-- What the maker of an authenticator vouched for when the passkey was registered: the
-- model (AAGUID), and which root said so. Empty: nothing was verified.
ALTER TABLE credentials ADD COLUMN attested_model TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN attested_root TEXT NOT NULL DEFAULT '';

-- The browsers that an account was signed in with by a passkey, as on a device of its
-- own: SHA-256 of the browser's cookie, and when that was first and last.
CREATE TABLE browsers (
    account TEXT NOT NULL,
    browser TEXT NOT NULL,
    first   BIGINT NOT NULL,
    last    BIGINT NOT NULL,
    PRIMARY KEY (account, browser)
);
CREATE INDEX browsers_last ON browsers (last);
