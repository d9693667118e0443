-- +goose Up
-- How often the reader was forgotten, from 1. Programs of earlier versions write neither a
-- row's first generation nor a new one when they forget: readReaders makes up for that.
ALTER TABLE histories ADD COLUMN generation integer NOT NULL DEFAULT 1;
