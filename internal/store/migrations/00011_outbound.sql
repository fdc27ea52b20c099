-- +goose Up

-- Which hosts the scripts of an app may call, as a list in JSON; '' is what the
-- instance has for apps that say nothing.
ALTER TABLE apps ADD COLUMN out_hosts text NOT NULL DEFAULT '';

-- The secrets of apps, sealed by a key that is not here.
CREATE TABLE secrets (
    app_id  text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name    text   NOT NULL,
    version bigint NOT NULL,
    sealed  bytea  NOT NULL,
    set_at  bigint NOT NULL,
    set_by  text   NOT NULL,
    PRIMARY KEY (app_id, name)
);
