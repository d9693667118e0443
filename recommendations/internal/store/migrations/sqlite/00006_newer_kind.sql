-- +goose Up
-- The kind of an interaction, if programs of version 0.1.0 do not know it, '' otherwise. kind
-- is view then: they can read that, and it changes no history.
ALTER TABLE interactions ADD COLUMN newer_kind text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE interactions DROP COLUMN newer_kind;
