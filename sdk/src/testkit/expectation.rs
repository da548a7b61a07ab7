//! What a case expects.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Refusal, Results, code};

/// What a preprocessor is expected to answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Expectation {
    /// `{"results": {…}}`: exactly these. Ids stand there as strings.
    Results(Map<String, Value>),
    /// `{"refusal": {"code": "NOT_FOUND", "message": "…"}}`.
    Refusal(ExpectedRefusal),
}

/// A refusal that is expected.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedRefusal {
    /// The name of the gRPC code, as `NOT_FOUND`.
    pub code: String,
    /// What the message must hold; any message where it is missing.
    #[serde(default)]
    pub message: String,
}

/// What a whole Pointsman is expected to do with a webhook: for cases about a manifest.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum Routing {
    /// `{"forwarded": {"deployment": "integrations/…/deployments/…", "flow": "…"}}`.
    Forwarded {
        /// The deployment.
        deployment: String,
        /// The flow's key.
        flow: String,
    },
    /// `{"refused": {"code": "customer_unknown"}}`.
    Refused {
        /// The outcome's code.
        code: String,
    },
}

impl Expectation {
    /// What of the answer is not as expected; nothing where all is.
    pub(super) fn differences(&self, answer: &Result<Results, Refusal>) -> Vec<String> {
        match (self, answer) {
            (Self::Results(expected), Ok(results)) => {
                let mut differences = Vec::new();
                differ(
                    "results",
                    Some(&Value::Object(expected.clone())),
                    Some(&results.to_json()),
                    &mut differences,
                );
                differences
            }
            (Self::Results(_), Err(refusal)) => vec![format!("expected results, got a refusal: {refusal}")],
            (Self::Refusal(expected), Ok(results)) => {
                vec![format!("expected a refusal ({}), got results: {}", expected.code, results.to_json())]
            }
            (Self::Refusal(expected), Err(refusal)) => {
                let mut differences = Vec::new();
                let found = code::name(refusal.code());
                if found != expected.code {
                    differences.push(format!("code: expected {}, got {refusal}", expected.code));
                }
                if !refusal.message().contains(&expected.message) {
                    differences.push(format!(
                        "message: expected one with {:?}, got {:?}",
                        expected.message,
                        refusal.message()
                    ));
                }
                differences
            }
        }
    }
}

/// Compares field by field, so that a large object says only where it differs.
fn differ(path: &str, expected: Option<&Value>, found: Option<&Value>, differences: &mut Vec<String>) {
    match (expected, found) {
        (Some(Value::Object(expected)), Some(Value::Object(found))) => {
            let names = expected.keys().chain(found.keys().filter(|name| !expected.contains_key(*name)));
            for name in names {
                differ(&step(path, name), expected.get(name), found.get(name), differences);
            }
        }
        (Some(Value::Array(expected)), Some(Value::Array(found))) => {
            for index in 0..expected.len().max(found.len()) {
                differ(&format!("{path}[{index}]"), expected.get(index), found.get(index), differences);
            }
        }
        (Some(Value::Number(expected)), Some(Value::Number(found)))
            if expected.as_f64() == found.as_f64() => {}
        (Some(expected), Some(found)) if expected == found => {}
        (expected, found) => {
            differences.push(format!("{path}: expected {}, got {}", shown(expected), shown(found)));
        }
    }
}

/// The path as a reference would write it.
fn step(path: &str, name: &str) -> String {
    let bare = |c: char| c.is_alphanumeric() || "_-$:@#".contains(c);
    if !name.is_empty() && name.chars().all(bare) {
        format!("{path}.{name}")
    } else {
        format!("{path}[{}]", Value::from(name))
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}
