-- What was attested when a passkey was made, as JSON: no sign-in reads it, or writes it
-- anew with the rest of its passkey. Where it can't be taken out it stays in the record,
-- as it does of a passkey that a server of an earlier release adds.
CREATE TABLE attestations (
    credential {{blob}} PRIMARY KEY,
    body       TEXT NOT NULL
);

INSERT INTO attestations (credential, body) SELECT id, {{attestation}} FROM credentials WHERE {{attestation}} IS NOT NULL;
UPDATE credentials SET record = {{not_attestation}} WHERE id IN (SELECT credential FROM attestations);
