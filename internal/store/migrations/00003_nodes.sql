-- +goose Up

-- The processes that answer the public, where several share a database.
-- heartbeat_at is 0 for one that has stopped; it and started_at are times of
-- the database's clock, so that the nodes' own need not agree.
CREATE TABLE nodes (
    id            text    NOT NULL PRIMARY KEY,
    name          text    NOT NULL UNIQUE,
    address       text    NOT NULL,
    version       text    NOT NULL,
    state         text    NOT NULL,
    started_at    bigint  NOT NULL,
    heartbeat_at  bigint  NOT NULL,
    running       bigint  NOT NULL DEFAULT 0,
    waiting       bigint  NOT NULL DEFAULT 0,
    memory_bytes  bigint  NOT NULL DEFAULT 0,
    cpu_millis    bigint  NOT NULL DEFAULT 0,
    revision      bigint  NOT NULL DEFAULT 0,
    stale_ms      bigint  NOT NULL DEFAULT 0,
    drained       boolean NOT NULL DEFAULT false
);
INSERT INTO counters (name, value) VALUES ('nodes', 0);
