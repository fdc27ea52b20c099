-- +goose Up

INSERT INTO counters (name, value) VALUES ('runs', 0);

-- The schedules of the versions that are live. fired counts what was decided, so
-- that of several nodes one decides.
CREATE TABLE schedules (
    script_id     text   NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
    name          text   NOT NULL,
    app_id        text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    spec          text   NOT NULL, -- JSON
    paused_at     bigint NOT NULL, -- 0: it is not
    paused_by     text   NOT NULL,
    fired         bigint NOT NULL,
    considered_at bigint NOT NULL, -- what comes until then has been decided on
    last_at       bigint NOT NULL, -- the latest time that came; 0: none
    next_at       bigint NOT NULL, -- 0 while paused or switched off
    due_at        bigint NOT NULL, -- next_at with its jitter
    PRIMARY KEY (script_id, name)
);
CREATE INDEX schedules_due ON schedules (due_at) WHERE due_at > 0;
CREATE INDEX schedules_app ON schedules (app_id);

-- What became of each of their times.
CREATE TABLE schedule_runs (
    seq           bigint NOT NULL PRIMARY KEY,
    id            text   NOT NULL UNIQUE, -- the event's
    app_id        text   NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    script_id     text   NOT NULL REFERENCES scripts (id) ON DELETE CASCADE,
    name          text   NOT NULL,
    cause         text   NOT NULL,
    state         text   NOT NULL,
    planned_at    bigint NOT NULL,
    due_at        bigint NOT NULL,
    started_at    bigint NOT NULL, -- 0: it has not
    finished_at   bigint NOT NULL, -- 0: it has not
    attempts      bigint NOT NULL,
    invocation_id text   NOT NULL,
    error         text   NOT NULL,
    times         bigint NOT NULL -- how many missed times the row stands for; else 1
);
CREATE INDEX schedule_runs_schedule ON schedule_runs (script_id, name, seq);
CREATE INDEX schedule_runs_app ON schedule_runs (app_id, seq);
CREATE INDEX schedule_runs_open ON schedule_runs (script_id, name) WHERE finished_at = 0;
CREATE INDEX schedule_runs_finished ON schedule_runs (finished_at);
