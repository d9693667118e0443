-- +goose Up
-- When the catalogue got a book, in seconds since 1970; NULL is unknown. Programs of earlier
-- versions neither read the column nor write it.
ALTER TABLE books ADD COLUMN added bigint;

-- +goose Down
ALTER TABLE books DROP COLUMN added;
