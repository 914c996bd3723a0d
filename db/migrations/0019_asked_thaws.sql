-- An approver's page asks for those whose owner wants to be let in again, and for no
-- other freeze.
CREATE INDEX freezes_asked ON freezes (asked, account) WHERE asked <> 0;
