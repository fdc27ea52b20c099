-- +goose Up

-- When an event was to be run. due_at is moved by claims and retries.
ALTER TABLE events ADD COLUMN planned_at bigint NOT NULL DEFAULT 0;

-- An index costs every event twice, when it comes and when it goes. What is
-- claimed is found by when its claim ends, and what belongs to a script among
-- what belongs to its app.
DROP INDEX events_claim;
DROP INDEX events_script;
