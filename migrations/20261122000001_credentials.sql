-- Whether Keystone still takes the application credentials of clusters, as whichever conductor looked last found.

CREATE TABLE IF NOT EXISTS capi_credential (
    cluster_uuid  VARCHAR(36)  NOT NULL PRIMARY KEY,
    checked_at    DATETIME(6)  NOT NULL,
    is_dead       BOOLEAN      NOT NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
