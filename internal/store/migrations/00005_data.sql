-- +goose Up

-- What an app keeps, and the number of its last commit. Commits of one app take
-- turns on this row, so that versions grow in the order of commits.
CREATE TABLE app_data (
    app_id  text   NOT NULL PRIMARY KEY REFERENCES apps (id) ON DELETE CASCADE,
    version bigint NOT NULL,
    keys    bigint NOT NULL,
    bytes   bigint NOT NULL
);

-- Keys are bytes, because databases order texts each in its own way.
CREATE TABLE kv (
    app_id     text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    key        bytea  NOT NULL,
    version    bigint NOT NULL,
    expires_at bigint NOT NULL, -- 0: never
    kind       text   NOT NULL,
    size       bigint NOT NULL, -- of key and value
    value      bytea  NOT NULL,
    PRIMARY KEY (app_id, key)
);
CREATE INDEX kv_expiry ON kv (expires_at) WHERE expires_at > 0;
