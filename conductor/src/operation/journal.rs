//! The operation journal: table `capi_operation` (`migrations/`).

use magnum_objects::RequestContext;
use sqlx::{MySqlConnection, MySqlPool, Row, mysql::MySqlRow};

use super::intent::{Intent, Kind};

/// How long an acceptance may take before it counts as abandoned, in seconds. Longer than
/// [`super::accept::ACCEPT_LIMIT`], so that nobody gives up a request that is still being looked at.
const ABANDONED_AFTER_SECONDS: i64 = 180;

/// Where an operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Rows are written; the caller's token is still needed (look-ups, application credential).
    Accepting,
    /// Everything that needs the caller is done: any conductor can finish it.
    Accepted,
    /// Carried out.
    Done,
    /// Refused or impossible; the rows say why.
    Failed,
    /// Made pointless by a later deletion.
    Superseded,
}

impl State {
    /// The column's text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepting => "accepting",
            Self::Accepted => "accepted",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Superseded => "superseded",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Self::Accepting,
            Self::Accepted,
            Self::Done,
            Self::Failed,
            Self::Superseded,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }
}

/// One journal row. `sealed` is kept apart ([`Journal::sealed`]) so that no Debug print holds it.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Row id; operations of a cluster are carried out in this order.
    pub id: u64,
    /// The cluster.
    pub cluster_uuid: String,
    /// What is to be done.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// What was asked and found.
    pub intent: Intent,
    /// The API request that asked for it.
    pub request_id: Option<String>,
    /// Failed attempts so far.
    pub attempts: u32,
    /// Seconds until the next attempt is due; not positive when due now.
    pub due_in: f64,
}

impl Operation {
    /// The caller, as far as the journal remembers: who, and which request; no rights.
    pub fn context(&self) -> RequestContext {
        RequestContext {
            user_id: self.intent.asker.user_id.clone(),
            project_id: self.intent.asker.project_id.clone(),
            request_id: self.request_id.clone(),
            ..RequestContext::default()
        }
    }
}

/// Access to the journal. Functions that belong to a caller's transaction take its connection.
#[derive(Clone)]
pub struct Journal {
    pool: MySqlPool,
}

const COLUMNS: &str = "id, cluster_uuid, kind, state, intent, request_id, attempts, \
     CAST(TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), not_before) / 1000000 AS DOUBLE) AS due_in";

impl Journal {
    /// A journal over Magnum's database.
    pub fn new(pool: MySqlPool) -> Self {
        Self { pool }
    }

    /// The pool, for transactions that write rows and journal together.
    pub fn pool(&self) -> &MySqlPool {
        &self.pool
    }

    /// The operation that this message already became, if it was delivered before.
    pub async fn by_message(
        &self,
        conn: &mut MySqlConnection,
        message_id: &str,
        cluster_uuid: &str,
    ) -> Result<Option<Operation>, sqlx::Error> {
        let sql = format!("SELECT {COLUMNS} FROM capi_operation WHERE message_id = ? AND cluster_uuid = ?");
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(message_id)
            .bind(cluster_uuid)
            .fetch_optional(conn)
            .await?;
        row.as_ref().map(operation).transpose()
    }

    /// Writes a new operation; part of the transaction that writes the rows.
    pub async fn insert(
        &self,
        conn: &mut MySqlConnection,
        new: &NewOperation<'_>,
    ) -> Result<u64, sqlx::Error> {
        let wait = if new.state == State::Accepting {
            ABANDONED_AFTER_SECONDS
        } else {
            0
        };
        let done = sqlx::query(
            "INSERT INTO capi_operation (message_id, cluster_uuid, kind, state, intent, sealed, request_id, not_before, \
             created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6) + INTERVAL ? SECOND, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
        )
        .bind(new.message_id)
        .bind(new.cluster_uuid)
        .bind(new.intent.kind().as_str())
        .bind(new.state.as_str())
        .bind(to_json(new.intent)?)
        .bind(new.sealed)
        .bind(new.request_id)
        .bind(wait)
        .execute(conn)
        .await?;
        Ok(done.last_insert_id())
    }

    /// Gives an acceptance that is taken up again the time of a new one.
    pub async fn accepting_again(&self, conn: &mut MySqlConnection, id: u64) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE capi_operation SET not_before = UTC_TIMESTAMP(6) + INTERVAL ? SECOND WHERE id = ? AND state = 'accepting'",
        )
        .bind(ABANDONED_AFTER_SECONDS)
        .bind(id)
        .execute(conn)
        .await
        .map(drop)
    }

    /// Turns an operation from accepting to accepted, with all that was found out meanwhile.
    /// Returns false if somebody gave it up in between.
    pub async fn accepted(
        &self,
        conn: &mut MySqlConnection,
        id: u64,
        intent: &Intent,
        sealed: Option<&str>,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "UPDATE capi_operation SET state = 'accepted', intent = ?, sealed = ?, not_before = UTC_TIMESTAMP(6), \
             updated_at = UTC_TIMESTAMP(6) WHERE id = ? AND state = 'accepting'",
        )
        .bind(to_json(intent)?)
        .bind(sealed)
        .bind(id)
        .execute(conn)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends an operation. The sealed secret goes with it. Returns false if it had ended before.
    pub async fn finish(
        &self,
        conn: &mut MySqlConnection,
        id: u64,
        state: State,
        error: Option<&str>,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query(
            "UPDATE capi_operation SET state = ?, last_error = ?, sealed = NULL, step = NULL, updated_at = UTC_TIMESTAMP(6) \
             WHERE id = ? AND state IN ('accepting', 'accepted')",
        )
        .bind(state.as_str())
        .bind(error)
        .bind(id)
        .execute(conn)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Notes the step being worked on, for `operations` and for people.
    pub async fn step(&self, id: u64, step: &str) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE capi_operation SET step = ?, updated_at = UTC_TIMESTAMP(6) WHERE id = ?")
            .bind(step)
            .bind(id)
            .execute(&self.pool)
            .await
            .map(drop)
    }

    /// Notes a failed attempt and when to try again.
    pub async fn retry(&self, id: u64, error: &str, wait_seconds: f64) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE capi_operation SET attempts = attempts + 1, last_error = ?, updated_at = UTC_TIMESTAMP(6), \
             not_before = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND WHERE id = ? AND state = 'accepted'",
        )
        .bind(error)
        .bind((wait_seconds * 1e6) as i64)
        .bind(id)
        .execute(&self.pool)
        .await
        .map(drop)
    }

    /// The sealed secret of an operation, while it is still needed.
    pub async fn sealed(&self, id: u64) -> Result<Option<secrecy::SecretString>, sqlx::Error> {
        let row = sqlx::query("SELECT sealed FROM capi_operation WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.pool)
            .await?;
        let text: Option<String> = row.map(|row| row.try_get("sealed")).transpose()?.flatten();
        Ok(text.map(Into::into))
    }

    /// Erases the sealed secret once it is where it belongs.
    pub async fn unseal(&self, id: u64) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE capi_operation SET sealed = NULL WHERE id = ?")
            .bind(id)
            .execute(&self.pool)
            .await
            .map(drop)
    }

    /// The unfinished operations of a cluster, oldest first.
    pub async fn unfinished(
        &self,
        conn: &mut MySqlConnection,
        cluster_uuid: &str,
    ) -> Result<Vec<Operation>, sqlx::Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM capi_operation WHERE cluster_uuid = ? AND state IN ('accepting', 'accepted') ORDER BY id"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(cluster_uuid)
            .fetch_all(conn)
            .await?;
        rows.iter().map(operation).collect()
    }

    /// Users in whose names a cluster's operations made application credentials.
    pub async fn credential_owners(&self, cluster_uuid: &str) -> Result<Vec<String>, sqlx::Error> {
        let sql = format!("SELECT {COLUMNS} FROM capi_operation WHERE cluster_uuid = ? ORDER BY id");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(cluster_uuid)
            .fetch_all(&self.pool)
            .await?;
        let operations: Vec<Operation> = rows.iter().map(operation).collect::<Result<_, _>>()?;
        Ok(operations
            .into_iter()
            .filter_map(|operation| Some(operation.intent.credential?.user_id))
            .collect())
    }

    /// Whether a cluster has unfinished operations.
    pub async fn is_busy(&self, cluster_uuid: &str) -> Result<bool, sqlx::Error> {
        sqlx::query(
            "SELECT 1 FROM capi_operation WHERE cluster_uuid = ? AND state IN ('accepting', 'accepted') LIMIT 1",
        )
        .bind(cluster_uuid)
        .fetch_optional(&self.pool)
        .await
        .map(|row| row.is_some())
    }

    /// Clusters with operations to be carried out now.
    pub async fn due_clusters(&self) -> Result<Vec<String>, sqlx::Error> {
        sqlx::query(
            "SELECT DISTINCT cluster_uuid FROM capi_operation WHERE state IN ('accepting', 'accepted') \
             AND not_before <= UTC_TIMESTAMP(6)",
        )
        .fetch_all(&self.pool)
        .await?
        .iter()
        .map(|row| row.try_get("cluster_uuid"))
        .collect()
    }

    /// How many operations are unfinished, over all clusters: for the metrics.
    pub async fn unfinished_total(&self) -> Result<i64, sqlx::Error> {
        sqlx::query("SELECT COUNT(*) AS n FROM capi_operation WHERE state IN ('accepting', 'accepted')")
            .fetch_one(&self.pool)
            .await?
            .try_get("n")
    }

    /// Forgets a cluster that is gone; part of the transaction that removes its rows.
    pub async fn forget(&self, conn: &mut MySqlConnection, cluster_uuid: &str) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM capi_operation WHERE cluster_uuid = ?")
            .bind(cluster_uuid)
            .execute(&mut *conn)
            .await?;
        crate::credential_health::forget(conn, cluster_uuid).await?;
        sqlx::query("DELETE FROM capi_lease WHERE cluster_uuid = ?")
            .bind(cluster_uuid)
            .execute(conn)
            .await
            .map(drop)
    }

    /// Drops operations that ended more than `days` ago.
    pub async fn prune(&self, days: u32) -> Result<u64, sqlx::Error> {
        sqlx::query(
            "DELETE FROM capi_operation WHERE state IN ('done', 'failed', 'superseded') \
             AND updated_at < UTC_TIMESTAMP(6) - INTERVAL ? DAY",
        )
        .bind(days)
        .execute(&self.pool)
        .await
        .map(|done| done.rows_affected())
    }
}

/// An operation about to be written.
pub struct NewOperation<'a> {
    /// oslo.messaging's `_unique_id` of the request.
    pub message_id: &'a str,
    /// The cluster.
    pub cluster_uuid: &'a str,
    /// Accepting or accepted.
    pub state: State,
    /// What is asked.
    pub intent: &'a Intent,
    /// An application credential's secret, see [`Journal::sealed`].
    pub sealed: Option<&'a str>,
    /// The API request id.
    pub request_id: Option<&'a str>,
}

fn to_json(intent: &Intent) -> Result<String, sqlx::Error> {
    serde_json::to_string(intent).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

fn operation(row: &MySqlRow) -> Result<Operation, sqlx::Error> {
    let decode = |what: String| sqlx::Error::Decode(what.into());
    let state: String = row.try_get("state")?;
    let id: u64 = row.try_get("id")?;
    let text: String = row.try_get("intent")?;
    let intent: Intent = serde_json::from_str(&text).map_err(|error| {
        decode(format!(
            "operation {id} in capi_operation has an intent that cannot be read: {error}"
        ))
    })?;
    Ok(Operation {
        id,
        cluster_uuid: row.try_get("cluster_uuid")?,
        kind: intent.kind(),
        state: State::parse(&state)
            .ok_or_else(|| decode(format!("operation {id}: unknown state {state}")))?,
        intent,
        request_id: row.try_get("request_id")?,
        attempts: row.try_get("attempts")?,
        due_in: row.try_get("due_in")?,
    })
}
