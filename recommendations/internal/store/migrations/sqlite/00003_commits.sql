-- +goose Up
-- The last commits that changed histories, each with a mark made at random: a store that was
-- restored from a backup has other marks from there on, even where the numbers are the same.
-- A trigger makes them, so that programs of earlier versions do, too.
CREATE TABLE commits (
  slot integer PRIMARY KEY, -- seq modulo 16384: the table does not grow
  seq  integer NOT NULL,
  mark text    NOT NULL
);
INSERT INTO commits SELECT seq % 16384, seq, lower(hex(randomblob(8))) FROM head;

-- +goose StatementBegin
CREATE TRIGGER head_seq AFTER UPDATE OF seq ON head WHEN NEW.seq <> OLD.seq
BEGIN
  INSERT OR REPLACE INTO commits VALUES (NEW.seq % 16384, NEW.seq, lower(hex(randomblob(8))));
END;
-- +goose StatementEnd
