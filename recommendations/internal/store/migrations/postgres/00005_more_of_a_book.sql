-- +goose Up
-- Programs of earlier versions neither read these columns nor write them: each has a default.
ALTER TABLE books ADD COLUMN availability  text    NOT NULL DEFAULT '';
ALTER TABLE books ADD COLUMN stock         bigint; -- NULL is unknown
ALTER TABLE books ADD COLUMN hidden        boolean NOT NULL DEFAULT false;
ALTER TABLE books ADD COLUMN buy_url       text    NOT NULL DEFAULT '';
ALTER TABLE books ADD COLUMN publisher     text    NOT NULL DEFAULT '';
ALTER TABLE books ADD COLUMN format        text    NOT NULL DEFAULT '';
ALTER TABLE books ADD COLUMN pages         integer NOT NULL DEFAULT 0; -- 0 is unknown
ALTER TABLE books ADD COLUMN series_number text    NOT NULL DEFAULT '';
ALTER TABLE books ADD COLUMN contributors  text    NOT NULL DEFAULT ''; -- separated by |, each with its role in parentheses

-- +goose Down
ALTER TABLE books DROP COLUMN availability;
ALTER TABLE books DROP COLUMN stock;
ALTER TABLE books DROP COLUMN hidden;
ALTER TABLE books DROP COLUMN buy_url;
ALTER TABLE books DROP COLUMN publisher;
ALTER TABLE books DROP COLUMN format;
ALTER TABLE books DROP COLUMN pages;
ALTER TABLE books DROP COLUMN series_number;
ALTER TABLE books DROP COLUMN contributors;
