-- +goose Up

-- Numbers that only grow; moving one on is also how use cases take turns.
CREATE TABLE counters (
    name  text   NOT NULL PRIMARY KEY,
    value bigint NOT NULL
);
INSERT INTO counters (name, value) VALUES ('accounts', 0), ('records', 0), ('revision', 0);

CREATE TABLE users (
    id         text    NOT NULL PRIMARY KEY,
    username   text    NOT NULL UNIQUE,
    email      text    NOT NULL UNIQUE,
    role       text    NOT NULL,
    active     boolean NOT NULL,
    created_at bigint  NOT NULL
);

CREATE TABLE credentials (
    user_id       text   NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    password_hash text   NOT NULL,
    changed_at    bigint NOT NULL
);

CREATE TABLE sessions (
    id           text   NOT NULL PRIMARY KEY,
    token_hash   bytea  NOT NULL UNIQUE,
    user_id      text   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at   bigint NOT NULL,
    last_seen_at bigint NOT NULL,
    expires_at   bigint NOT NULL,
    address      text   NOT NULL,
    user_agent   text   NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- At most one row: the link that makes the first owner.
CREATE TABLE setup_token (
    id         bigint NOT NULL PRIMARY KEY CHECK (id = 1),
    token_hash bytea  NOT NULL,
    expires_at bigint NOT NULL
);

CREATE TABLE apps (
    id         text   NOT NULL PRIMARY KEY,
    name       text   NOT NULL UNIQUE,
    created_at bigint NOT NULL
);

CREATE TABLE scripts (
    id             text    NOT NULL PRIMARY KEY,
    app_id         text    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name           text    NOT NULL,
    enabled        boolean NOT NULL,
    live_version   bigint  NOT NULL,
    latest_version bigint  NOT NULL,
    created_at     bigint  NOT NULL,
    updated_at     bigint  NOT NULL,
    UNIQUE (app_id, name)
);

-- The source is last: SQLite reads the columns before it without touching its pages.
CREATE TABLE versions (
    script_id    text   NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
    number       bigint NOT NULL,
    hash         text   NOT NULL,
    settings     text   NOT NULL,
    source_bytes bigint NOT NULL,
    note         text   NOT NULL,
    created_by   text   NOT NULL,
    created_at   bigint NOT NULL,
    source       text   NOT NULL,
    PRIMARY KEY (script_id, number),
    UNIQUE (script_id, hash)
);
CREATE INDEX versions_hash ON versions (hash);

CREATE TABLE routes (
    app_id    text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    method    text   NOT NULL,
    path      text   NOT NULL,
    script_id text   NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
    position  bigint NOT NULL,
    PRIMARY KEY (app_id, method, path)
);
CREATE INDEX routes_script ON routes (script_id, position);

-- No foreign keys to apps and scripts: history outlives them, and entering a
-- record must not fail because its script was deleted meanwhile.
CREATE TABLE invocations (
    seq            bigint  NOT NULL PRIMARY KEY,
    id             text    NOT NULL UNIQUE,
    app_id         text    NOT NULL,
    app            text    NOT NULL,
    script_id      text    NOT NULL,
    script         text    NOT NULL,
    version        bigint  NOT NULL,
    trigger_kind   text    NOT NULL,
    status         text    NOT NULL,
    method         text    NOT NULL,
    path           text    NOT NULL,
    http_status    bigint  NOT NULL,
    started_at     bigint  NOT NULL,
    duration_ns    bigint  NOT NULL,
    operations     bigint  NOT NULL,
    peak_bytes     bigint  NOT NULL,
    request_bytes  bigint  NOT NULL,
    response_bytes bigint  NOT NULL,
    logs_cut       boolean NOT NULL,
    error_code     text    NOT NULL,
    error_message  text    NOT NULL,
    error_line     bigint  NOT NULL,
    error_column   bigint  NOT NULL,
    size           bigint  NOT NULL
);
CREATE INDEX invocations_script ON invocations (script_id, seq);
CREATE INDEX invocations_app ON invocations (app_id, seq);
CREATE INDEX invocations_started ON invocations (started_at);

CREATE TABLE logs (
    seq            bigint NOT NULL PRIMARY KEY,
    invocation_seq bigint NOT NULL REFERENCES invocations (seq) ON DELETE CASCADE,
    app_id         text   NOT NULL,
    script_id      text   NOT NULL,
    at             bigint NOT NULL,
    level          bigint NOT NULL,
    line           bigint NOT NULL,
    message        text   NOT NULL
);
CREATE INDEX logs_invocation ON logs (invocation_seq, seq);
CREATE INDEX logs_script ON logs (script_id, seq);
CREATE INDEX logs_app ON logs (app_id, seq);
