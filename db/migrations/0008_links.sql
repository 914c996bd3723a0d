-- Who looks for a person's own links must not read everybody's.

CREATE INDEX invitations_account ON invitations (account, created);
