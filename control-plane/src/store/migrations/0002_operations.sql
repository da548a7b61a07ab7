-- What an operations team needs: owners, revisions of integrations, access tokens, the audit, calls that are safe to
-- repeat, and rows of imports that are kept aside.

ALTER TABLE integrations ADD COLUMN owner TEXT NOT NULL DEFAULT 'default';
ALTER TABLE customers ADD COLUMN owner TEXT NOT NULL DEFAULT 'default';
ALTER TABLE customer_mappings ADD COLUMN owner TEXT NOT NULL DEFAULT 'default';
ALTER TABLE deployments ADD COLUMN owner TEXT NOT NULL DEFAULT 'default';

-- How secrets (header values, metadata values) are sealed, see store/secrets.rs. No row before they are.
CREATE TABLE secrets (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    -- The key that all of them are sealed under.
    key_id   TEXT    NOT NULL,
    -- Random, sealed. Keys the digests of requests.
    salt     TEXT    NOT NULL,
    -- Nothing of what they were before is left in the free space of the file.
    scrubbed INTEGER NOT NULL CHECK (scrubbed IN (0, 1))
) STRICT;

-- What each integration was, after each change of it. Secrets are redacted.
CREATE TABLE integration_revisions (
    integration    TEXT    NOT NULL REFERENCES integrations (name) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    revision       INTEGER NOT NULL,
    create_time    INTEGER NOT NULL,
    -- The name of an access token; empty where nobody was asked for one.
    caller         TEXT    NOT NULL,
    -- The revision that this one rolled back to.
    rolled_back_to INTEGER,
    display_name   TEXT    NOT NULL,
    endpoint_type  TEXT    NOT NULL,
    -- As integrations.endpoint, with `<redacted>` in place of each secret.
    endpoint       TEXT    NOT NULL,
    -- A JSON array of [key, name].
    flows          TEXT    NOT NULL,
    -- What differs from the revision before, as audit_entries.changes: a changed secret shows only here.
    changes        TEXT    NOT NULL,
    -- So many more differ.
    more_changes   INTEGER NOT NULL,
    PRIMARY KEY (integration, revision)
) STRICT, WITHOUT ROWID;

INSERT INTO integration_revisions
    (integration, revision, create_time, caller, rolled_back_to, display_name, endpoint_type, endpoint, flows,
    changes, more_changes)
SELECT name, revision, update_time, '', NULL, display_name, endpoint_type,
    CASE WHEN json_type(endpoint, '$.preprocess.metadata') = 'object'
        THEN json_set(endpoint, '$.preprocess.metadata', json(
            (SELECT json_group_object(key, '<redacted>') FROM json_each(endpoint, '$.preprocess.metadata'))))
        ELSE endpoint END,
    (SELECT json_group_array(json_array(key, flows.name) ORDER BY position) FROM flows
        WHERE flows.integration = integrations.name),
    '[]', 0
FROM integrations;

CREATE TRIGGER integration_revisions_are_final BEFORE UPDATE ON integration_revisions
BEGIN
    SELECT RAISE(ABORT, 'a revision is never changed');
END;

-- How many access tokens were ever made. Where it is 0, nobody is asked for one.
ALTER TABLE meta ADD COLUMN access_tokens_made INTEGER NOT NULL DEFAULT 0;

CREATE TABLE access_tokens (
    name           TEXT    PRIMARY KEY,
    uid            TEXT    NOT NULL,
    display_name   TEXT    NOT NULL,
    create_time    INTEGER NOT NULL,
    update_time    INTEGER NOT NULL,
    -- Counts its changes, for the etag.
    version        INTEGER NOT NULL,
    role           TEXT    NOT NULL,
    -- A JSON array of names; empty for all integrations.
    integrations   TEXT    NOT NULL,
    edge           TEXT,
    expire_time    INTEGER,
    revoke_time    INTEGER,
    last_used_time INTEGER,
    -- SHA-256 of the secret, which itself is nowhere.
    hash           BLOB    NOT NULL UNIQUE,
    -- Its first characters.
    prefix         TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_entries (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    create_time    INTEGER NOT NULL,
    caller         TEXT    NOT NULL,
    peer           TEXT    NOT NULL,
    method         TEXT    NOT NULL,
    request_id     TEXT    NOT NULL,
    resource       TEXT    NOT NULL,
    action         TEXT    NOT NULL,
    -- A JSON array of {field, before, after, reroutes}. Secrets are redacted.
    changes        TEXT    NOT NULL,
    reroutes       INTEGER NOT NULL CHECK (reroutes IN (0, 1)),
    resource_count INTEGER NOT NULL,
    revision       INTEGER NOT NULL
) STRICT;
-- Each ends with the id, as every index does: the order of lists.
CREATE INDEX audit_entries_by_time ON audit_entries (create_time);
CREATE INDEX audit_entries_by_resource ON audit_entries (resource, create_time);
CREATE INDEX audit_entries_by_caller ON audit_entries (caller, create_time);
CREATE INDEX audit_entries_by_revision ON audit_entries (revision, create_time);
CREATE INDEX audit_entries_that_reroute ON audit_entries (create_time) WHERE reroutes = 1;

-- Calls that were made with an id: repeated, they are answered as they were.
CREATE TABLE requests (
    caller      TEXT    NOT NULL,
    request_id  TEXT    NOT NULL,
    create_time INTEGER NOT NULL,
    -- SHA-256 of the method and the request without its id.
    digest      BLOB    NOT NULL,
    -- The answer's message, without secrets.
    answer      BLOB    NOT NULL,
    PRIMARY KEY (caller, request_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_time ON requests (create_time);

-- How much of `requests` each caller takes up.
CREATE TABLE request_totals (
    caller       TEXT    PRIMARY KEY,
    calls        INTEGER NOT NULL,
    answer_bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER requests_remembered AFTER INSERT ON requests BEGIN
    INSERT INTO request_totals (caller, calls, answer_bytes) VALUES (new.caller, 1, length(new.answer))
    ON CONFLICT (caller) DO UPDATE SET calls = calls + 1, answer_bytes = answer_bytes + length(new.answer);
END;
CREATE TRIGGER requests_forgotten AFTER DELETE ON requests BEGIN
    UPDATE request_totals SET calls = calls - 1, answer_bytes = answer_bytes - length(old.answer)
    WHERE caller = old.caller;
    DELETE FROM request_totals WHERE caller = old.caller AND calls = 0;
END;

-- Imports of customer mappings that are under way or were finished not long ago.
CREATE TABLE imports (
    -- Never given twice: rows of one that is forgotten may still be there.
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Each caller has import ids of its own.
    caller        TEXT    NOT NULL,
    integration   TEXT    NOT NULL REFERENCES integrations (name) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    import_id     TEXT    NOT NULL,
    -- When it last came further.
    update_time   INTEGER NOT NULL,
    keep_going    INTEGER NOT NULL CHECK (keep_going IN (0, 1)),
    validate_only INTEGER NOT NULL CHECK (validate_only IN (0, 1)),
    -- Counts its streams: only the latest one may do something.
    stream        INTEGER NOT NULL,
    -- So many rows are kept, and so many bytes of text are in them.
    row_count     INTEGER NOT NULL,
    byte_count    INTEGER NOT NULL,
    -- How far writing them has come, as JSON, see registry/import/progress.rs; null before it begins.
    progress      TEXT,
    finished      INTEGER NOT NULL CHECK (finished IN (0, 1)),
    UNIQUE (caller, integration, import_id)
) STRICT;
CREATE INDEX imports_by_integration ON imports (integration);

-- Their rows, kept aside. Those at and behind imports.row_count do not count.
CREATE TABLE import_rows (
    import             INTEGER NOT NULL,
    row                INTEGER NOT NULL,
    source_customer_id TEXT    NOT NULL,
    customer           TEXT,
    external_id        TEXT,
    -- Null for one that is derived.
    mapping_id         TEXT,
    -- Null for one that stays as it is.
    display_name       TEXT,
    -- What is wrong with it as it stands.
    fault              TEXT,
    PRIMARY KEY (import, row)
) STRICT, WITHOUT ROWID;
