-- What the maker of an authenticator vouched for when the passkey was registered: the
-- model (AAGUID), and which root said so. Empty: nothing was verified.
ALTER TABLE credentials ADD COLUMN attested_model TEXT NOT NULL DEFAULT '';
ALTER TABLE credentials ADD COLUMN attested_root TEXT NOT NULL DEFAULT '';
