-- +goose Up

-- What a route lets its callers ask for: to be answered later, and to have a
-- request that is sent again answered as before.
ALTER TABLE routes ADD COLUMN async bigint NOT NULL DEFAULT 0;
ALTER TABLE routes ADD COLUMN idempotent text NOT NULL DEFAULT '';

-- The journals of invocations: see picloud.JournalRecord. They are compressed,
-- and sealed with the instance's key where there is one.
ALTER TABLE invocations ADD COLUMN journal text NOT NULL DEFAULT '';
CREATE TABLE journals (
    invocation_seq bigint NOT NULL PRIMARY KEY,
    data           bytea  NOT NULL
);

-- Requests that were accepted to be answered later. Each is an event with the
-- same id, until its end; then the response is here for a while. script_id
-- refers to nothing, so that the end of a script is told, too.
CREATE TABLE async_invocations (
    id            text   NOT NULL PRIMARY KEY,
    app_id        text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    script_id     text   NOT NULL,
    script        text   NOT NULL,
    auth          text   NOT NULL, -- who may ask for it: as the route's
    state         text   NOT NULL,
    method        text   NOT NULL,
    path          text   NOT NULL,
    size          bigint NOT NULL, -- of the request, as the event has it
    runs          bigint NOT NULL,
    invocation_id text   NOT NULL, -- the record of the last run
    http_status   bigint NOT NULL,
    error         text   NOT NULL,
    response      bytea  NOT NULL,
    entered_at    bigint NOT NULL,
    due_at        bigint NOT NULL,
    ended_at      bigint NOT NULL, -- 0: it has not
    expires_at    bigint NOT NULL  -- when it is forgotten; 0: not before it has ended
);
CREATE INDEX async_open ON async_invocations (script_id) WHERE state = 'waiting';
CREATE INDEX async_expiry ON async_invocations (expires_at) WHERE expires_at > 0;
CREATE INDEX async_app ON async_invocations (app_id, entered_at);

-- The responses of idempotent requests. While one is being run, holder says by
-- whom and until_at when somebody else may take it over; afterwards holder is
-- empty and until_at is when it is forgotten.
CREATE TABLE answers (
    app_id      text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    key         bytea  NOT NULL,
    fingerprint bytea  NOT NULL,
    holder      text   NOT NULL,
    node        text   NOT NULL, -- of the holder
    until_at    bigint NOT NULL,
    size        bigint NOT NULL,
    response    bytea  NOT NULL,
    PRIMARY KEY (app_id, key)
);
CREATE INDEX answers_until ON answers (until_at);
CREATE INDEX answers_node ON answers (node) WHERE node <> '';

-- What an app keeps of them.
CREATE TABLE answer_usage (
    app_id  text   NOT NULL PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
    answers bigint NOT NULL,
    bytes   bigint NOT NULL
);
