-- +goose Up
CREATE TABLE head (
  one             integer PRIMARY KEY CHECK (one = 1),
  store_id        text    NOT NULL, -- made at random, so that a copy put in place is noticed
  seq             bigint  NOT NULL, -- of the last commit that changed histories
  catalog_version text    NOT NULL, -- '' before there are books
  demo            boolean NOT NULL  -- the embedded demonstration
);
INSERT INTO head VALUES (1, replace(gen_random_uuid()::text, '-', ''), 0, '', false);

CREATE TABLE books (
  id          bigint  PRIMARY KEY,
  title       text    NOT NULL,
  author      text    NOT NULL,
  year        integer NOT NULL, -- 0 is unknown
  categories  text    NOT NULL, -- separated by |, the main one first
  popularity  bigint  NOT NULL,
  series      text    NOT NULL,
  isbn        text    NOT NULL,
  description text    NOT NULL,
  price       text    NOT NULL,
  currency    text    NOT NULL,
  language    text    NOT NULL
);

CREATE TABLE samples (
  user_id bigint PRIMARY KEY,
  label   text NOT NULL
);

-- One row a reader: what was imported and what the reader did, folded into one.
CREATE TABLE histories (
  user_id   bigint  PRIMARY KEY,
  seq       bigint  NOT NULL,
  forgotten boolean NOT NULL,
  data      bytea   NOT NULL -- library.History.Encode
);
CREATE INDEX histories_seq ON histories (seq);

-- Everything that readers did, as it came.
CREATE TABLE interactions (
  id      text    PRIMARY KEY,
  user_id bigint  NOT NULL,
  book_id bigint  NOT NULL,
  kind    text    NOT NULL,
  stars   integer NOT NULL, -- 0 but for the kind rating
  seq     bigint  NOT NULL,
  at      text    NOT NULL  -- UTC, RFC 3339
);
CREATE INDEX interactions_user_id ON interactions (user_id);

CREATE TABLE models (
  version    text PRIMARY KEY,
  created_at text NOT NULL,
  metadata   text NOT NULL, -- JSON
  artefact   bytea NOT NULL
);

-- The last row names the active model.
CREATE TABLE activations (
  n       bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  version text NOT NULL REFERENCES models (version),
  at      text NOT NULL
);
