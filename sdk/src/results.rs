//! The object that a preprocessor returns.

use std::collections::BTreeMap;

use prost_types::{ListValue, NullValue, Struct, Value as WireValue, value::Kind};
use serde::Serialize;

/// The object that the integration's references call `results`.
///
/// On the wire its numbers are doubles, in which an id loses digits. So every integer becomes a string, and a number
/// with a point must be asked for, with [`Value::number`].
///
/// ```
/// use pointsman_sdk::Results;
///
/// let results = Results::new()
///     .set("customerExternalId", 9_007_199_254_740_993_u64)
///     .set("flowName", "Update Inventory")
///     .set("shop", Results::new().set("region", "eu"))
///     .set("tags", vec!["a", "b"]);
/// assert_eq!(results.to_json()["customerExternalId"], "9007199254740993");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results(BTreeMap<String, Value>);

/// A value of [`Results`]. Made from text, integers (as strings), booleans, lists, options and nested [`Results`].
#[derive(Clone, Debug, PartialEq)]
pub struct Value(Inner);

#[derive(Clone, Debug, PartialEq)]
enum Inner {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Object(Results),
}

impl Results {
    /// The deepest nesting of objects and lists, `results` itself included, that every protobuf library reads.
    pub const DEPTH_MAX: usize = 24;

    /// An empty object.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a field; a field of that name is replaced.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// From anything that serializes to an object. Integers become strings; a number with a point is refused.
    pub fn from_serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self, ResultsError> {
        match serde_json::to_value(value)? {
            serde_json::Value::Object(fields) => Self::from_json(fields, &mut Vec::new()),
            _ => Err(ResultsError::NotAnObject),
        }
    }

    /// As JSON, for tests and logs.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        self.0
            .iter()
            .map(|(name, value)| (name.clone(), value.to_json()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    fn from_json(
        fields: serde_json::Map<String, serde_json::Value>,
        path: &mut Vec<String>,
    ) -> Result<Self, ResultsError> {
        let fields = fields.into_iter().map(|(name, value)| {
            path.push(format!(".{name}"));
            let value = Value::from_json(value, path)?;
            path.pop();
            Ok((name, value))
        });
        fields.collect::<Result<_, _>>().map(Self)
    }

    fn depth(&self) -> usize {
        1 + self.0.values().map(Value::depth).max().unwrap_or(0)
    }
}

impl Value {
    /// A number, which arrives as a double. A reference can read it only if it is integral and at most 2⁵³−1.
    pub fn number(number: f64) -> Result<Self, ResultsError> {
        if number.is_finite() { Ok(Self(Inner::Number(number))) } else { Err(ResultsError::NotFinite) }
    }

    fn from_json(value: serde_json::Value, path: &mut Vec<String>) -> Result<Self, ResultsError> {
        use serde_json::Value as Json;
        Ok(Self(match value {
            Json::Null => Inner::Null,
            Json::Bool(value) => Inner::Bool(value),
            Json::Number(value) if value.is_f64() => {
                return Err(ResultsError::Float { path: format!("results{}", path.concat()) });
            }
            Json::Number(value) => Inner::Text(value.to_string()),
            Json::String(value) => Inner::Text(value),
            Json::Array(items) => {
                let items = items.into_iter().enumerate().map(|(index, item)| {
                    path.push(format!("[{index}]"));
                    let item = Self::from_json(item, path)?;
                    path.pop();
                    Ok(item)
                });
                Inner::List(items.collect::<Result<_, ResultsError>>()?)
            }
            Json::Object(fields) => Inner::Object(Results::from_json(fields, path)?),
        }))
    }

    fn to_json(&self) -> serde_json::Value {
        match &self.0 {
            Inner::Null => serde_json::Value::Null,
            Inner::Bool(value) => (*value).into(),
            Inner::Number(value) => (*value).into(),
            Inner::Text(value) => value.clone().into(),
            Inner::List(items) => items.iter().map(Self::to_json).collect(),
            Inner::Object(object) => object.to_json(),
        }
    }

    fn depth(&self) -> usize {
        match &self.0 {
            Inner::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Inner::Object(object) => object.depth(),
            _ => 0,
        }
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self(Inner::Text(value.to_owned()))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self(Inner::Text(value.clone()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self(Inner::Text(value))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self(Inner::Bool(value))
    }
}

impl From<Results> for Value {
    fn from(value: Results) -> Self {
        Self(Inner::Object(value))
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self(Inner::List(items.into_iter().map(Into::into).collect()))
    }
}

/// `None` is null, which no reference resolves.
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self(Inner::Null), Into::into)
    }
}

macro_rules! integers_as_strings {
    ($($integer:ty)*) => {
        $(impl From<$integer> for Value {
            fn from(value: $integer) -> Self {
                Self(Inner::Text(value.to_string()))
            }
        })*
    };
}

integers_as_strings!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

/// The wire's form.
impl Results {
    pub(crate) fn into_wire(self) -> Result<Struct, ResultsError> {
        if self.depth() > Self::DEPTH_MAX {
            return Err(ResultsError::TooDeep);
        }
        Ok(self.wire())
    }

    pub(crate) fn from_wire(results: Struct) -> Self {
        Self(results.fields.into_iter().map(|(name, value)| (name, Value::from_wire(value))).collect())
    }

    fn wire(self) -> Struct {
        Struct { fields: self.0.into_iter().map(|(name, value)| (name, value.wire())).collect() }
    }
}

impl Value {
    fn wire(self) -> WireValue {
        let kind = match self.0 {
            Inner::Null => Kind::NullValue(NullValue::NullValue.into()),
            Inner::Bool(value) => Kind::BoolValue(value),
            Inner::Number(value) => Kind::NumberValue(value),
            Inner::Text(value) => Kind::StringValue(value),
            Inner::List(items) => {
                Kind::ListValue(ListValue { values: items.into_iter().map(Self::wire).collect() })
            }
            Inner::Object(object) => Kind::StructValue(object.wire()),
        };
        WireValue { kind: Some(kind) }
    }

    fn from_wire(value: WireValue) -> Self {
        Self(match value.kind {
            None | Some(Kind::NullValue(_)) => Inner::Null,
            Some(Kind::BoolValue(value)) => Inner::Bool(value),
            Some(Kind::NumberValue(value)) => Inner::Number(value),
            Some(Kind::StringValue(value)) => Inner::Text(value),
            Some(Kind::ListValue(list)) => {
                Inner::List(list.values.into_iter().map(Self::from_wire).collect())
            }
            Some(Kind::StructValue(object)) => Inner::Object(Results::from_wire(object)),
        })
    }
}

/// Why a value cannot be returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResultsError {
    /// `results` is an object.
    #[error("results must be an object")]
    NotAnObject,
    /// A number with a point, which would arrive as a double.
    #[error("{path} is a number with a point: send it as a string")]
    Float {
        /// Where it stands, as `results.total`.
        path: String,
    },
    /// Infinity, or not a number.
    #[error("the number is not finite")]
    NotFinite,
    /// Objects and lists in one another.
    #[error("results are nested more than {} deep", Results::DEPTH_MAX)]
    TooDeep,
    /// It cannot be written as JSON.
    #[error("results cannot be serialized: {0}")]
    Serialize(#[from] serde_json::Error),
}

/// A fault of the service.
impl From<ResultsError> for crate::Refusal {
    fn from(error: ResultsError) -> Self {
        Self::internal(error.to_string())
    }
}

#[cfg(test)]
mod tests;
