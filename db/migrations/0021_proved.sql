-- What the owner of a frozen account last proved with that it is them: kinds of proofs, with
-- a space between. Empty before they do, and of what a server of an earlier release wrote:
-- there it was a passkey.
ALTER TABLE freezes ADD COLUMN proved TEXT NOT NULL DEFAULT '';
