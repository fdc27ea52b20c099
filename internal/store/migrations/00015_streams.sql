-- +goose Up

-- Topics that are streams: how far they have come, and up to where their
-- messages are no longer kept.
CREATE TABLE streams (
    app_id  text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    topic   text   NOT NULL,
    newest  bigint NOT NULL,
    dropped bigint NOT NULL,
    PRIMARY KEY (app_id, topic)
);

-- The recent messages of those. The id is the app's commit that published the
-- message, times 1000, and the message's place in it.
CREATE TABLE stream_messages (
    app_id    text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    topic     text   NOT NULL,
    id        bigint NOT NULL,
    order_key text   NOT NULL,
    at        bigint NOT NULL,
    kind      text   NOT NULL,
    body      bytea  NOT NULL,
    PRIMARY KEY (app_id, topic, id)
);
CREATE INDEX stream_messages_at ON stream_messages (at);
