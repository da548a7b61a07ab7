//! Comparisons of filters, in SQL.

use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::types::Value as SqlValue;

use crate::domain::filter::{Comparison, Operator, Value};

/// That a column compares so.
pub(super) fn to_sql(column: &str, comparison: &Comparison, params: &mut Vec<SqlValue>) -> String {
    let operator = match comparison.operator {
        Operator::Is => "=",
        Operator::AtLeast => ">=",
        Operator::Below => "<",
    };
    let value: SqlValue = match &comparison.value {
        Value::Prefix(prefix) => {
            let lower = placeholder(params, prefix.clone());
            let upper = placeholder(params, format!("{prefix}{}", char::MAX));
            return format!("({column} >= {lower} AND {column} < {upper})");
        }
        Value::Text(text) => text.clone().into(),
        Value::Flag(flag) => (*flag).into(),
        Value::Number(number) => (*number).into(),
        Value::Time(time) => micros_from(*time).into(),
    };
    format!("{column} {operator} {}", placeholder(params, value))
}

/// The next parameter's name in SQL.
pub(super) fn placeholder(params: &mut Vec<SqlValue>, value: impl Into<SqlValue>) -> String {
    params.push(value.into());
    format!("?{}", params.len())
}

/// The first whole microsecond from a time on: what is kept is whole, and so `>=` and `<` say the same of it.
fn micros_from(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos().div_ceil(1_000)).unwrap_or(i64::MAX)
}
