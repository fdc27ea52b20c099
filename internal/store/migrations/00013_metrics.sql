-- +goose Up

-- What ran, as sums: for each script by minute (span 60), hour (3600), day
-- (86400) and for ever (span 0, at 0). b00 to b19 count durations: see
-- picloud.DurationBounds. No foreign keys: like the records, they outlive what
-- they tell of.
CREATE TABLE metrics (
    app_id         text   NOT NULL,
    script_id      text   NOT NULL,
    span           bigint NOT NULL,
    at             bigint NOT NULL, -- when the span began
    runs           bigint NOT NULL,
    errors         bigint NOT NULL,
    duration_ns    bigint NOT NULL,
    operations     bigint NOT NULL,
    peak_bytes     bigint NOT NULL, -- of the largest run
    request_bytes  bigint NOT NULL,
    response_bytes bigint NOT NULL,
    calls          bigint NOT NULL, -- to the outside
    b00 bigint NOT NULL, b01 bigint NOT NULL, b02 bigint NOT NULL, b03 bigint NOT NULL, b04 bigint NOT NULL,
    b05 bigint NOT NULL, b06 bigint NOT NULL, b07 bigint NOT NULL, b08 bigint NOT NULL, b09 bigint NOT NULL,
    b10 bigint NOT NULL, b11 bigint NOT NULL, b12 bigint NOT NULL, b13 bigint NOT NULL, b14 bigint NOT NULL,
    b15 bigint NOT NULL, b16 bigint NOT NULL, b17 bigint NOT NULL, b18 bigint NOT NULL, b19 bigint NOT NULL,
    PRIMARY KEY (app_id, script_id, span, at)
);
CREATE INDEX metrics_span ON metrics (span, at);

-- What an app had waiting and kept when it last committed in a span. A span in
-- which nothing was committed has no row: it was as before.
CREATE TABLE gauges (
    app_id text   NOT NULL,
    span   bigint NOT NULL,
    at     bigint NOT NULL,
    events bigint NOT NULL,
    most   bigint NOT NULL, -- events at any time of the span
    bytes  bigint NOT NULL, -- of keys and values
    files  bigint NOT NULL, -- bytes of files
    PRIMARY KEY (app_id, span, at)
);
CREATE INDEX gauges_span ON gauges (span, at);

ALTER TABLE app_data ADD COLUMN events bigint NOT NULL DEFAULT 0; -- that are not dead
ALTER TABLE app_data ADD COLUMN files bigint NOT NULL DEFAULT 0;
ALTER TABLE app_data ADD COLUMN file_bytes bigint NOT NULL DEFAULT 0;
UPDATE app_data SET events = (SELECT count(*) FROM events e WHERE e.app_id = app_data.app_id AND e.state <> 'dead');

-- What an app may use, where that is not the default: see picloud.QuotaKind.
CREATE TABLE quotas (
    app_id text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    kind   text   NOT NULL,
    amount bigint NOT NULL, -- -1: no bound
    PRIMARY KEY (app_id, kind)
);

-- Quotas that came near their end, or to it. One that has passed is cleared.
CREATE TABLE alarms (
    id         text   NOT NULL PRIMARY KEY,
    app_id     text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    kind       text   NOT NULL,
    percent    bigint NOT NULL, -- which mark was crossed
    used       bigint NOT NULL,
    amount     bigint NOT NULL,
    raised_at  bigint NOT NULL,
    cleared_at bigint NOT NULL -- 0: not yet
);
CREATE UNIQUE INDEX alarms_raised ON alarms (app_id, kind, percent) WHERE cleared_at = 0;
CREATE INDEX alarms_app ON alarms (app_id, raised_at);

-- The names of files. What is in one is a blob outside of the database; no two
-- rows share one.
CREATE TABLE files (
    app_id     text    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name       bytea   NOT NULL,
    version    bigint  NOT NULL,
    blob       text    NOT NULL UNIQUE,
    size       bigint  NOT NULL,
    hash       text    NOT NULL, -- SHA-256 of what is in it
    kind       text    NOT NULL, -- media type
    public     boolean NOT NULL,
    written_at bigint  NOT NULL,
    PRIMARY KEY (app_id, name)
);
