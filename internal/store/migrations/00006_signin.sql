-- +goose Up

CREATE TABLE totp (
    user_id    text    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    secret     bytea   NOT NULL, -- sealed
    confirmed  boolean NOT NULL,
    last_step  bigint  NOT NULL,
    created_at bigint  NOT NULL
);

-- A code that was used is gone.
CREATE TABLE recovery_codes (
    user_id   text  NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash bytea NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);

CREATE TABLE passkeys (
    id            text   NOT NULL PRIMARY KEY,
    user_id       text   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name          text   NOT NULL,
    rp_id         text   NOT NULL,
    credential_id bytea  NOT NULL UNIQUE,
    credential    bytea  NOT NULL,
    created_at    bigint NOT NULL,
    last_used_at  bigint NOT NULL
);
CREATE INDEX passkeys_user ON passkeys (user_id, created_at);

CREATE TABLE identities (
    issuer     text   NOT NULL,
    subject    text   NOT NULL,
    user_id    text   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email      text   NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX identities_user ON identities (user_id);

-- Addresses that users chose themselves. One that is not the user's any more
-- means nothing.
CREATE TABLE chosen_emails (
    user_id text NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    email   text NOT NULL
);
