-- When whoever runs the server was last told that somebody asks to be let in again: asking
-- anew, after the freeze began anew, tells them no more often.
ALTER TABLE freezes ADD COLUMN alerted BIGINT NOT NULL DEFAULT 0;
-- When the owner was: only a link of that or later takes the asking back.
ALTER TABLE freezes ADD COLUMN told BIGINT NOT NULL DEFAULT 0;
