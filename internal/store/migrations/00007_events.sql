-- +goose Up

INSERT INTO counters (name, value) VALUES ('events', 0);

-- What is to start scripts. A row is gone when a run on it has succeeded. While
-- it is run, claim says by whom, and due_at when somebody else may take it.
CREATE TABLE events (
    seq        bigint NOT NULL PRIMARY KEY,
    id         text   NOT NULL UNIQUE,
    app_id     text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    script_id  text   NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
    kind       text   NOT NULL,
    source     text   NOT NULL,
    order_key  text   NOT NULL,
    state      text   NOT NULL,
    due_at     bigint NOT NULL,
    claim      text   NOT NULL,
    attempts   bigint NOT NULL,
    error      text   NOT NULL,
    entered_at bigint NOT NULL,
    body_kind  text   NOT NULL,
    body       bytea  NOT NULL
);
CREATE INDEX events_due ON events (due_at, seq) WHERE state = 'waiting';
CREATE INDEX events_order ON events (script_id, order_key, seq) WHERE order_key <> '';
CREATE INDEX events_claim ON events (claim) WHERE claim <> '';
CREATE INDEX events_app ON events (app_id, seq);
CREATE INDEX events_script ON events (script_id, seq);
