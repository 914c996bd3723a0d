-- The ids of proofs begin with the time, so that old ones are found by them.
DROP INDEX proofs_at;
