-- +goose Up

-- The names of messages that are accepted once, while that is remembered.
CREATE TABLE published (
    app_id     text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    topic      text   NOT NULL,
    name       text   NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (app_id, topic, name)
);
CREATE INDEX published_expiry ON published (expires_at);
