-- What conductors remember between accepting a request and finishing it. Magnum's own tables stay magnum-db-manage's.
-- Times are UTC by the database's clock, so that conductors with differing clocks agree.

CREATE TABLE IF NOT EXISTS capi_operation (
    id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    message_id    VARCHAR(64)  NOT NULL COMMENT 'oslo.messaging _unique_id: a redelivered request is the same operation',
    cluster_uuid  VARCHAR(36)  NOT NULL,
    kind          VARCHAR(32)  NOT NULL,
    state         VARCHAR(16)  NOT NULL COMMENT 'accepting, accepted, done, failed, superseded',
    step          VARCHAR(32)  NULL COMMENT 'the step being worked on, for people',
    intent        MEDIUMTEXT   NOT NULL COMMENT 'JSON: what was asked, what the cloud said, what to restore on refusal',
    sealed        TEXT         NULL COMMENT 'application credential secret until it is in the management cluster',
    request_id    VARCHAR(64)  NULL,
    attempts      INT UNSIGNED NOT NULL DEFAULT 0,
    last_error    TEXT         NULL,
    not_before    DATETIME(6)  NOT NULL COMMENT 'next attempt; while accepting: when the acceptance counts as abandoned',
    created_at    DATETIME(6)  NOT NULL,
    updated_at    DATETIME(6)  NOT NULL,
    UNIQUE KEY uniq_capi_operation0message (message_id, cluster_uuid),
    KEY capi_operation_cluster_idx (cluster_uuid, state),
    KEY capi_operation_state_idx (state, not_before)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE IF NOT EXISTS capi_lease (
    cluster_uuid  VARCHAR(36)  NOT NULL PRIMARY KEY,
    owner         VARCHAR(255) NOT NULL COMMENT 'conductor instance: host, process id and a random part',
    fence         BIGINT UNSIGNED NOT NULL COMMENT 'grows with every change of owner',
    expires_at    DATETIME(6)  NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
