-- What was attested when a passkey was made, as JSON: no sign-in reads it, or writes it
-- anew with the rest of its passkey. A server of an earlier release, which still runs,
-- goes on keeping it in the passkey's record.
CREATE TABLE attestations (
    credential {{blob}} PRIMARY KEY,
    body       TEXT NOT NULL
);

INSERT INTO attestations (credential, body) SELECT id, {{attestation}} FROM credentials WHERE {{attestation}} IS NOT NULL;
UPDATE credentials SET record = {{not_attestation}} WHERE {{attestation}} IS NOT NULL;
