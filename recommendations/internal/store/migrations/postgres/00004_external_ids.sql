-- +goose Up
-- Ids of books and readers that are texts in the owner's files, with their numbers. They
-- stay when a book leaves the catalogue: histories have the numbers.
CREATE TABLE external_ids (
  kind        text   NOT NULL, -- book or reader
  external_id text   NOT NULL,
  id          bigint NOT NULL,
  PRIMARY KEY (kind, external_id),
  UNIQUE (kind, id)
);

-- +goose Down
DROP TABLE external_ids;
