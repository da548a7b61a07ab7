//! Which resources of a kind are asked for: where they lie, what a filter says, and from where on.
//!
//! Comparisons of columns with an index narrow down which rows are read. The others are judged row by row, for no more
//! than a bounded number of rows.

use pointsman_routing::name::IntegrationId;
use rusqlite::types::Value as SqlValue;

use super::{
    StoreError, Table,
    comparison::{self, placeholder},
    rows::META,
};
use crate::domain::filter::Filter;

/// The column that says whether the row is one that is asked for.
pub(super) const WANTED: &str = "wanted";

/// Which names of a kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// The first name that could be.
    pub(super) lower: String,
    /// Behind the last one.
    pub(super) upper: String,
    integration: Option<String>,
}

/// Which resources of a kind, and from where on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection<'a> {
    /// Where they lie; everywhere where it is none.
    pub(crate) scope: Option<&'a Scope>,
    /// The name before the first.
    pub(crate) after: &'a str,
    /// What they are to be.
    pub(crate) filter: &'a Filter,
    /// So many rows at most are passed over.
    pub(crate) passed_over_max: usize,
}

/// How a field is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// Its value, in SQL.
    sql: &'static str,
    index: Index,
}

/// Whether a comparison of a column finds its rows by an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Index {
    None,
    /// Of the column, and then of the name.
    Own,
    /// Of the integration, and then of the column.
    BehindIntegration,
}

/// A statement with its parameters.
pub(super) struct Query {
    pub(super) sql: String,
    pub(super) params: Vec<SqlValue>,
}

impl Scope {
    /// Those below an integration.
    #[must_use]
    pub fn below(integration: &IntegrationId) -> Self {
        // `0` is the byte after `/`.
        Self {
            lower: format!("{integration}/"),
            upper: format!("{integration}0"),
            integration: Some(integration.to_string()),
        }
    }

    /// An integration itself.
    #[must_use]
    pub fn only(integration: &IntegrationId) -> Self {
        // `-` is the lowest byte that an id can hold.
        Self { lower: integration.to_string(), upper: format!("{integration}-"), integration: None }
    }
}

impl<'a> Selection<'a> {
    /// Everything behind a name.
    pub(super) fn all(after: &'a str) -> Self {
        const NO_FILTER: &Filter = &Filter::none();
        Self { scope: None, after, filter: NO_FILTER, passed_over_max: 0 }
    }

    pub(super) fn query<K: Table>(&self) -> Result<Query, StoreError> {
        let mut params = Vec::new();
        let mut narrowing = self.names(&mut params);
        let mut judged = Vec::new();
        for comparison in self.filter.comparisons() {
            let column = K::column(comparison.field);
            let column = column.ok_or_else(|| StoreError::damaged(K::TABLE, "a filter of another kind"))?;
            let compared = comparison::to_sql(column.sql, comparison, &mut params);
            match column.index {
                Index::None => judged.push(compared),
                Index::Own => narrowing.push(compared),
                Index::BehindIntegration => {
                    narrowing.push(compared);
                    narrowing.push(self.integration(&mut params));
                }
            }
        }
        let (table, columns) = (K::TABLE, K::COLUMNS);
        let judged = if judged.is_empty() { "TRUE".to_owned() } else { judged.join(" AND ") };
        let narrowing = narrowing.join(" AND ");
        let sql = format!(
            "SELECT name, {META}, {columns}, {judged} AS {WANTED} FROM {table} WHERE {narrowing} ORDER BY name"
        );
        Ok(Query { sql, params })
    }

    fn names(&self, params: &mut Vec<SqlValue>) -> Vec<String> {
        let mut compare = |operator: &str, bound: &str| {
            format!("name {operator} {}", placeholder(params, bound.to_owned()))
        };
        match self.scope {
            None => vec![compare(">", self.after)],
            // One lower bound alone: SQLite looks for the first row by one.
            Some(Scope { lower, upper, .. }) if lower.as_str() > self.after => {
                vec![compare(">=", lower), compare("<", upper)]
            }
            Some(Scope { upper, .. }) => vec![compare(">", self.after), compare("<", upper)],
        }
    }

    fn integration(&self, params: &mut Vec<SqlValue>) -> String {
        match self.scope.and_then(|scope| scope.integration.clone()) {
            Some(integration) => format!("integration = {}", placeholder(params, integration)),
            // There are few, and each costs a look into the index.
            None => "integration IN (SELECT name FROM integrations)".to_owned(),
        }
    }
}

impl Column {
    /// One without an index.
    pub(super) const fn plain(sql: &'static str) -> Self {
        Self { sql, index: Index::None }
    }

    /// One with an index of its own, whose rows lie in the order of names.
    pub(super) const fn indexed(sql: &'static str) -> Self {
        Self { sql, index: Index::Own }
    }

    /// One that is indexed within an integration.
    pub(super) const fn indexed_behind_integration(sql: &'static str) -> Self {
        Self { sql, index: Index::BehindIntegration }
    }
}

#[cfg(test)]
mod tests;
