-- +goose Up

INSERT INTO counters (name, value) VALUES ('audit', 0);

ALTER TABLE users ADD COLUMN updated_at bigint NOT NULL DEFAULT 0;
UPDATE users SET updated_at = created_at;

-- What somebody is in an app. Owners and admins of the instance need no row.
CREATE TABLE app_members (
    app_id     text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    user_id    text   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role       text   NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (app_id, user_id)
);
CREATE INDEX app_members_user ON app_members (user_id);

-- The secret itself is held by its user only. A key with an app is for that
-- app alone.
CREATE TABLE api_keys (
    id           text   NOT NULL PRIMARY KEY,
    prefix       text   NOT NULL UNIQUE,
    secret_hash  bytea  NOT NULL,
    user_id      text   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    app_id       text   REFERENCES apps (id) ON DELETE CASCADE,
    name         text   NOT NULL,
    scopes       text   NOT NULL,
    created_at   bigint NOT NULL,
    expires_at   bigint NOT NULL,
    last_used_at bigint NOT NULL
);
CREATE INDEX api_keys_user ON api_keys (user_id, created_at);
CREATE INDEX api_keys_app ON api_keys (app_id);
CREATE INDEX api_keys_expiry ON api_keys (expires_at);

-- Who did what. No foreign keys: it outlives what it tells of.
CREATE TABLE audit_log (
    seq        bigint NOT NULL PRIMARY KEY,
    at         bigint NOT NULL,
    actor      text   NOT NULL,
    user_id    text   NOT NULL,
    username   text   NOT NULL,
    key_id     text   NOT NULL,
    key_name   text   NOT NULL,
    address    text   NOT NULL,
    action     text   NOT NULL,
    outcome    text   NOT NULL,
    app        text   NOT NULL,
    target     text   NOT NULL,
    old_fields text   NOT NULL,
    new_fields text   NOT NULL,
    request_id text   NOT NULL
);
CREATE INDEX audit_log_at ON audit_log (at);
CREATE INDEX audit_log_username ON audit_log (username, seq);
CREATE INDEX audit_log_action ON audit_log (action, seq);
CREATE INDEX audit_log_app ON audit_log (app, seq);

-- What is set for the whole instance, as JSON by name; what is absent is as
-- the program has it.
CREATE TABLE settings (
    name       text   NOT NULL PRIMARY KEY,
    value      text   NOT NULL,
    updated_at bigint NOT NULL
);

-- Who may call a route, and from which origins pages may.
ALTER TABLE routes ADD COLUMN auth text NOT NULL DEFAULT 'public';
ALTER TABLE routes ADD COLUMN cors text NOT NULL DEFAULT '';
