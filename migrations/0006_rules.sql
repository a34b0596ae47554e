-- By which rules of judging a finding was found last (RULES in services/catalog/findings.ts). Those that stand here already were found by the
-- first ones, which asked when a file went before they asked how: while they are open, they are judged anew.
alter table finding add column rules int not null default 1;
