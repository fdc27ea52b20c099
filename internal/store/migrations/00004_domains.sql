-- +goose Up

-- Several apps may ask for a name; one of them has it.
CREATE TABLE domains (
    app_id      text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    name        text   NOT NULL,
    challenge   text   NOT NULL,
    created_by  text   NOT NULL,
    created_at  bigint NOT NULL,
    verified_at bigint NOT NULL, -- 0 while it is not
    verified_by text   NOT NULL,
    PRIMARY KEY (app_id, name)
);
CREATE UNIQUE INDEX domains_verified ON domains (name) WHERE verified_at > 0;
