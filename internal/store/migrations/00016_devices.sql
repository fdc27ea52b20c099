-- +goose Up

-- What may speak MQTT with an app. The secret is held by the device only.
CREATE TABLE devices (
    id          text   NOT NULL PRIMARY KEY,
    app_id      text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name        text   NOT NULL,
    secret_hash bytea  NOT NULL,
    created_at  bigint NOT NULL,
    created_by  text   NOT NULL,
    UNIQUE (app_id, name)
);
