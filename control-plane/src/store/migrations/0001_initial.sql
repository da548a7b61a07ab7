-- The first schema. Names are whole resource names, as `integrations/acme-erp/deployments/bowlers-inc`: they are what
-- the API, the change log and edges speak of, and their order is the order of lists.
--
-- References between resources are checked at commit (DEFERRABLE INITIALLY DEFERRED), so that the state as a whole
-- counts and not the order of the rows in it. The registry refuses what would break one, with words for an admin;
-- the constraints here are the net below.

CREATE TABLE meta (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    -- Random per database.
    epoch     TEXT    NOT NULL,
    -- The latest revision. Global, without gaps.
    revision  INTEGER NOT NULL,
    -- Removals up to this revision may be missing from `changes`.
    forgotten INTEGER NOT NULL,
    -- Seals page tokens.
    page_key  BLOB    NOT NULL
) STRICT;

-- The change log: the latest revision of every name that is there or was removed not too long ago.
CREATE TABLE changes (
    name     TEXT    PRIMARY KEY,
    revision INTEGER NOT NULL,
    removed  INTEGER NOT NULL CHECK (removed IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX changes_by_revision ON changes (revision, name, removed);
CREATE INDEX removals ON changes (revision) WHERE removed = 1;

CREATE TABLE integrations (
    name          TEXT    PRIMARY KEY,
    uid           TEXT    NOT NULL,
    display_name  TEXT    NOT NULL,
    -- Microseconds since 1970.
    create_time   INTEGER NOT NULL,
    update_time   INTEGER NOT NULL,
    -- The revision that last changed it.
    revision      INTEGER NOT NULL,
    -- shared, instance_specific or flow_specific; a column, because rules across resources ask for it.
    endpoint_type TEXT    NOT NULL,
    -- The rest of the endpoint's configuration as JSON, see store/endpoint.rs.
    endpoint      TEXT    NOT NULL
) STRICT;

CREATE TABLE flows (
    integration TEXT    NOT NULL REFERENCES integrations (name) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    key         TEXT    NOT NULL,
    position    INTEGER NOT NULL,
    name        TEXT    NOT NULL,
    PRIMARY KEY (integration, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE customers (
    name         TEXT    PRIMARY KEY,
    uid          TEXT    NOT NULL,
    display_name TEXT    NOT NULL,
    create_time  INTEGER NOT NULL,
    update_time  INTEGER NOT NULL,
    revision     INTEGER NOT NULL,
    external_id  TEXT    NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

CREATE TABLE customer_mappings (
    name               TEXT    PRIMARY KEY,
    uid                TEXT    NOT NULL,
    display_name       TEXT    NOT NULL,
    create_time        INTEGER NOT NULL,
    update_time        INTEGER NOT NULL,
    revision           INTEGER NOT NULL,
    integration        TEXT    NOT NULL REFERENCES integrations (name) DEFERRABLE INITIALLY DEFERRED,
    source_customer_id TEXT    NOT NULL,
    customer           TEXT    NOT NULL REFERENCES customers (name) DEFERRABLE INITIALLY DEFERRED,
    UNIQUE (integration, source_customer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX customer_mappings_by_customer ON customer_mappings (customer);

CREATE TABLE deployments (
    name         TEXT    PRIMARY KEY,
    uid          TEXT    NOT NULL,
    display_name TEXT    NOT NULL,
    create_time  INTEGER NOT NULL,
    update_time  INTEGER NOT NULL,
    revision     INTEGER NOT NULL,
    integration  TEXT    NOT NULL REFERENCES integrations (name) DEFERRABLE INITIALLY DEFERRED,
    customer     TEXT    NOT NULL REFERENCES customers (name) DEFERRABLE INITIALLY DEFERRED,
    paused       INTEGER NOT NULL CHECK (paused IN (0, 1)),
    UNIQUE (integration, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX deployments_by_customer ON deployments (customer);
CREATE INDEX deployments_by_integration_and_customer ON deployments (integration, customer, paused, name);

CREATE TABLE flow_endpoints (
    deployment     TEXT    NOT NULL,
    flow_key       TEXT    NOT NULL,
    integration    TEXT    NOT NULL,
    url            TEXT    NOT NULL,
    -- A JSON object of name → value. The values are secrets.
    headers        TEXT    NOT NULL,
    timeout_nanos  INTEGER,
    retry_on_reset INTEGER NOT NULL CHECK (retry_on_reset IN (0, 1)),
    PRIMARY KEY (deployment, flow_key),
    FOREIGN KEY (integration, deployment) REFERENCES deployments (integration, name)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    FOREIGN KEY (integration, flow_key) REFERENCES flows (integration, key) DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;
CREATE INDEX flow_endpoints_by_flow ON flow_endpoints (integration, flow_key, deployment);

-- The secret part of public URLs. Every integration, deployment and flow endpoint has one, whatever the endpoint type,
-- so that a change of type there and back keeps the URLs that third parties know.
CREATE TABLE endpoint_tokens (
    token       TEXT    PRIMARY KEY,
    -- The one at 0 is shown.
    position    INTEGER NOT NULL,
    integration TEXT REFERENCES integrations (name) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    deployment  TEXT REFERENCES deployments (name) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    -- Set, with the deployment, for the endpoint of one flow.
    flow_key    TEXT,
    FOREIGN KEY (deployment, flow_key) REFERENCES flow_endpoints (deployment, flow_key)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CHECK ((integration IS NULL) <> (deployment IS NULL)),
    CHECK (flow_key IS NULL OR deployment IS NOT NULL)
) STRICT;
CREATE INDEX endpoint_tokens_by_integration ON endpoint_tokens (integration, position) WHERE integration IS NOT NULL;
CREATE INDEX endpoint_tokens_by_deployment ON endpoint_tokens (deployment, flow_key, position) WHERE deployment IS NOT NULL;
