//! Reading the audit: the latest entry first, from a place on, where a filter holds.

use std::{fmt, ops::ControlFlow, str::FromStr};

use rusqlite::{Row, params_from_iter, types::Value as SqlValue};

use super::{AuditAction, AuditEntry};
use crate::{
    domain::{
        Revision,
        filter::{Comparison, Field, Filter, Operator, Value},
    },
    store::{
        Snapshot, StoreError, changes,
        comparison::{self, placeholder},
        rows::from_micros,
    },
};

/// An entry as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditRecord {
    pub(crate) position: AuditPosition,
    pub(crate) entry: AuditEntry,
    /// Webhooks can go elsewhere because of it.
    pub(crate) reroutes: bool,
    /// The revision that was made, or at which it was made.
    pub(crate) revision: Revision,
}

/// Where an entry stands in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AuditPosition {
    /// Microseconds since 1970.
    time: i64,
    /// Its number.
    pub(crate) id: i64,
}

impl AuditPosition {
    /// Before the latest.
    const START: Self = Self { time: i64::MAX, id: i64::MAX };
}

impl Snapshot<'_> {
    /// Hands out the entries behind a place that a filter holds for. Answers a place where it ended because it passed over
    /// `passed_over_max` entries.
    pub(crate) fn for_each_audit_entry(
        &self,
        after: Option<AuditPosition>,
        filter: &Filter,
        passed_over_max: usize,
        mut each: impl FnMut(AuditRecord) -> ControlFlow<()>,
    ) -> Result<Option<AuditPosition>, StoreError> {
        let (sql, params) = query(after.unwrap_or(AuditPosition::START), filter);
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(params))?;
        let mut passed_over = 0;
        while let Some(row) = rows.next()? {
            if row.get("wanted")? {
                if each(read(row)?).is_break() {
                    break;
                }
                continue;
            }
            passed_over += 1;
            if passed_over == passed_over_max {
                return Ok(Some(position(row)?));
            }
        }
        Ok(None)
    }
}

/// One index is used, that of the first comparison below for which there is one; times narrow it down further. What else
/// is compared is judged entry by entry.
fn query(after: AuditPosition, filter: &Filter) -> (String, Vec<SqlValue>) {
    let indexed = [Field::Revision, Field::Resource, Field::Caller, Field::Reroutes];
    let chosen = indexed.into_iter().find_map(|field| {
        let such = |comparison: &&Comparison| comparison.field == field && index(comparison).is_some();
        filter.comparisons().iter().find(such)
    });
    let index = chosen.and_then(index).unwrap_or("audit_entries_by_time");
    let mut params = Vec::new();
    let (time, id) = (placeholder(&mut params, after.time), placeholder(&mut params, after.id));
    let mut narrowing = vec![format!("(create_time, id) < ({time}, {id})")];
    let mut judged = vec!["TRUE".to_owned()];
    for comparison in filter.comparisons() {
        // As the partial index says it.
        let sql = match (comparison.field, &comparison.value) {
            (Field::Reroutes, Value::Flag(true)) => "reroutes = 1".to_owned(),
            (field, _) => comparison::to_sql(column(field), comparison, &mut params),
        };
        let narrows = comparison.field == Field::CreateTime
            || chosen.is_some_and(|chosen| std::ptr::eq(chosen, comparison));
        if narrows { narrowing.push(sql) } else { judged.push(sql) }
    }
    let sql = format!(
        "SELECT id, create_time, caller, peer, method, request_id, resource, action, changes, reroutes, resource_count, \
         revision, {} AS wanted FROM audit_entries INDEXED BY {index} WHERE {} ORDER BY create_time DESC, id DESC",
        judged.join(" AND "),
        narrowing.join(" AND ")
    );
    (sql, params)
}

/// The index that finds what a comparison holds for, in the order of the list.
fn index(comparison: &Comparison) -> Option<&'static str> {
    match (comparison.field, comparison.operator, &comparison.value) {
        (Field::Revision, Operator::Is, Value::Number(_)) => Some("audit_entries_by_revision"),
        (Field::Resource, Operator::Is, Value::Text(_)) => Some("audit_entries_by_resource"),
        (Field::Caller, Operator::Is, Value::Text(_)) => Some("audit_entries_by_caller"),
        (Field::Reroutes, Operator::Is, Value::Flag(true)) => Some("audit_entries_that_reroute"),
        _ => None,
    }
}

/// How a field is kept.
const fn column(field: Field) -> &'static str {
    match field {
        Field::Action => "'ACTION_' || upper(action)",
        Field::Caller => "caller",
        Field::CreateTime => "create_time",
        Field::Method => "method",
        Field::RequestId => "request_id",
        Field::Reroutes => "reroutes",
        Field::Resource => "resource",
        Field::Revision => "revision",
        // No such field: the parser has refused it.
        _ => "NULL",
    }
}

fn position(row: &Row<'_>) -> rusqlite::Result<AuditPosition> {
    Ok(AuditPosition { id: row.get("id")?, time: row.get("create_time")? })
}

fn read(row: &Row<'_>) -> Result<AuditRecord, StoreError> {
    let position = position(row)?;
    let damaged = |reason: String| StoreError::damaged(format!("auditEntries/{}", position.id), reason);
    let action: String = row.get("action")?;
    let known = AuditAction::ALL.iter().find(|known| known.label() == action);
    let changes: String = row.get("changes")?;
    let changes = changes::from_json(&changes).map_err(damaged)?;
    let entry = AuditEntry {
        time: from_micros(position.time),
        caller: row.get("caller")?,
        peer: row.get("peer")?,
        method: row.get("method")?,
        request_id: row.get("request_id")?,
        resource: row.get("resource")?,
        action: *known.ok_or_else(|| damaged(format!("action {action:?}")))?,
        changes,
        resource_count: u64::try_from(row.get::<_, i64>("resource_count")?).unwrap_or_default(),
    };
    let revision = Revision::new(row.get("revision")?);
    Ok(AuditRecord { position, entry, reroutes: row.get("reroutes")?, revision })
}

/// For page tokens.
impl fmt::Display for AuditPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.time, self.id)
    }
}

/// The inverse.
impl FromStr for AuditPosition {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (time, id) = text.split_once('/').unwrap_or_default();
        Ok(Self { time: time.parse()?, id: id.parse()? })
    }
}
