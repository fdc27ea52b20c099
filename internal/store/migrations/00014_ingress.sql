-- +goose Up

ALTER TABLE routes ADD COLUMN webhook text NOT NULL DEFAULT '';

-- Webhooks that were taken, so that one that comes again is known.
CREATE TABLE webhooks (
    app_id text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    key    bytea  NOT NULL,
    taken  bigint NOT NULL,
    PRIMARY KEY (app_id, key)
);
CREATE INDEX webhooks_taken ON webhooks (app_id, taken);
