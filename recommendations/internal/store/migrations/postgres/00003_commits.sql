-- +goose Up
-- The last commits that changed histories, each with a mark made at random: a store that was
-- restored from a backup, or a standby that lost commits, has other marks from there on, even
-- where the numbers are the same. A trigger makes them, so that programs of earlier versions
-- do, too.
CREATE TABLE commits (
  slot integer PRIMARY KEY, -- seq modulo 16384: the table does not grow
  seq  bigint NOT NULL,
  mark text   NOT NULL
);
INSERT INTO commits SELECT seq % 16384, seq, gen_random_uuid()::text FROM head;

-- +goose StatementBegin
CREATE FUNCTION mark_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO commits VALUES (NEW.seq % 16384, NEW.seq, gen_random_uuid()::text)
  ON CONFLICT (slot) DO UPDATE SET seq = excluded.seq, mark = excluded.mark;
  RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER head_seq AFTER UPDATE OF seq ON head
FOR EACH ROW WHEN (NEW.seq <> OLD.seq) EXECUTE FUNCTION mark_commit();
