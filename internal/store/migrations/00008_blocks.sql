-- +goose Up

-- Invocations of one script that went well and said nothing, many in a row:
-- see block.go. A row of invocations costs thirty times as much as a place in
-- one of these, and they are by far the most.
CREATE TABLE blocks (
    first_seq   bigint NOT NULL PRIMARY KEY,
    last_seq    bigint NOT NULL,
    app_id      text   NOT NULL,
    script_id   text   NOT NULL,
    started_min bigint NOT NULL,
    started_max bigint NOT NULL,
    invocations bigint NOT NULL,
    size        bigint NOT NULL,
    data        bytea  NOT NULL
);
CREATE INDEX blocks_script ON blocks (script_id, last_seq);
CREATE INDEX blocks_app ON blocks (app_id, last_seq);
CREATE INDEX blocks_started ON blocks (started_max);
