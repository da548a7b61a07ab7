//! `google.protobuf.Struct` to what references read.

use std::collections::BTreeMap;

use pointsman_proto::preprocess::v1::PreprocessResponse;
use pointsman_routing::results::{Reply, ReplyValue};
use prost_types::{Value, value::Kind};

/// How deep objects and arrays may nest. Decoding refuses depth before this does; the bound here makes sure.
const MAX_DEPTH: usize = 64;

/// An answer that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReplyError {
    #[error("it has no results")]
    NoResults,
    #[error("its results nest more than {MAX_DEPTH} deep")]
    TooDeep,
}

pub(super) fn read(response: PreprocessResponse) -> Result<Reply, ReplyError> {
    let results = response.results.ok_or(ReplyError::NoResults)?;
    object(results.fields, MAX_DEPTH).map(Reply)
}

fn object(
    fields: BTreeMap<String, Value>,
    depth_left: usize,
) -> Result<BTreeMap<String, ReplyValue>, ReplyError> {
    let depth_left = depth_left.checked_sub(1).ok_or(ReplyError::TooDeep)?;
    fields.into_iter().map(|(name, field)| Ok((name, value(field, depth_left)?))).collect()
}

fn value(value: Value, depth_left: usize) -> Result<ReplyValue, ReplyError> {
    Ok(match value.kind {
        None | Some(Kind::NullValue(_)) => ReplyValue::Null,
        Some(Kind::BoolValue(value)) => ReplyValue::Bool(value),
        Some(Kind::NumberValue(value)) => ReplyValue::Number(value),
        Some(Kind::StringValue(value)) => ReplyValue::String(value),
        Some(Kind::ListValue(list)) => {
            let depth_left = depth_left.checked_sub(1).ok_or(ReplyError::TooDeep)?;
            let items = list.values.into_iter().map(|item| self::value(item, depth_left));
            ReplyValue::List(items.collect::<Result<_, _>>()?)
        }
        Some(Kind::StructValue(inner)) => ReplyValue::Object(object(inner.fields, depth_left)?),
    })
}

#[cfg(test)]
mod tests {
    use prost_types::{ListValue, Struct};

    use super::*;

    fn response(fields: impl IntoIterator<Item = (&'static str, Kind)>) -> PreprocessResponse {
        let fields = fields.into_iter().map(|(name, kind)| (name.to_owned(), Value { kind: Some(kind) }));
        PreprocessResponse { results: Some(Struct { fields: fields.collect() }) }
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let list =
            ListValue { values: vec![Value { kind: Some(Kind::BoolValue(true)) }, Value { kind: None }] };
        let inner = response([("n", Kind::NumberValue(7.0))]).results.unwrap();
        let reply = read(response([
            ("null", Kind::NullValue(0)),
            ("string", Kind::StringValue("x".to_owned())),
            ("list", Kind::ListValue(list)),
            ("object", Kind::StructValue(inner)),
        ]));
        let expected = [
            ("null", ReplyValue::Null),
            ("string", ReplyValue::String("x".to_owned())),
            ("list", ReplyValue::List(vec![ReplyValue::Bool(true), ReplyValue::Null])),
            ("object", ReplyValue::Object([("n".to_owned(), ReplyValue::Number(7.0))].into())),
        ];
        assert_eq!(reply.unwrap(), Reply(expected.map(|(name, value)| (name.to_owned(), value)).into()));
    }

    #[test]
    fn an_answer_without_results_is_none() {
        assert_eq!(read(PreprocessResponse { results: None }), Err(ReplyError::NoResults));
        assert_eq!(read(response([])), Ok(Reply::default()));
    }

    #[test]
    fn depth_has_a_bound() {
        let nested = |depth| {
            let innermost = Value { kind: None };
            let nest = |value, _| Value { kind: Some(Kind::ListValue(ListValue { values: vec![value] })) };
            response([("x", (0..depth).fold(innermost, nest).kind.unwrap())])
        };
        assert!(read(nested(MAX_DEPTH - 1)).is_ok());
        assert_eq!(read(nested(MAX_DEPTH)), Err(ReplyError::TooDeep));
    }
}
