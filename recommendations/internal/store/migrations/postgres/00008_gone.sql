-- +goose Up
-- Whether the owner's files no longer have a book, which stays for the histories that name
-- it. Programs of earlier versions neither read the column nor write it, and show the book.
ALTER TABLE books ADD COLUMN gone boolean NOT NULL DEFAULT false;

-- +goose Down
ALTER TABLE books DROP COLUMN gone;
