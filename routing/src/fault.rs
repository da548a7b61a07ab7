//! Faults in configuration: which field, and what is wrong with it.

use std::{borrow::Cow, fmt};

/// One fault of a configuration resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The path of the field in the admin API's names, as `endpoint.flow_name.reference` or
    /// `flow_endpoints["create-order"].url`. Empty where it is the parsed message itself.
    pub field: String,
    /// What is wrong, in words for an admin. Never a secret.
    pub reason: String,
}

impl Fault {
    /// A fault of `field`.
    pub fn new(field: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self { field: field.into(), reason: reason.to_string() }
    }

    /// The same fault seen from the resource that holds this one in `parent`.
    #[must_use]
    pub fn within(self, parent: &str) -> Self {
        let field = match self.field.as_str() {
            "" => parent.to_owned(),
            entry if entry.starts_with('[') => format!("{parent}{entry}"),
            field => format!("{parent}.{field}"),
        };
        Self { field, reason: self.reason }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.reason)
    }
}

/// The path of a map's entry, as `values["create_order"]`. Keys come from outside: a long one is cut.
#[must_use]
pub fn entry_path(map: &str, key: &str) -> String {
    format!("{map}[{:?}]", cut(key))
}

/// As much of a text from outside as a message repeats.
pub(crate) fn cut(text: &str) -> Cow<'_, str> {
    const SHOWN_BYTES: usize = 128;
    cut_bytes(text, SHOWN_BYTES)
}

/// At most `bytes` of a text, and a `…` where something is missing.
pub(crate) fn cut_bytes(text: &str, bytes: usize) -> Cow<'_, str> {
    match text.len() <= bytes {
        true => text.into(),
        false => format!("{}…", &text[..text.floor_char_boundary(bytes)]).into(),
    }
}

/// Collects faults, so that all of them are reported at once.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, field: impl Into<String>, reason: impl fmt::Display) {
        self.0.push(Fault::new(field, reason));
    }

    /// What was parsed; otherwise its fault is added to `field`.
    pub(crate) fn keep<T>(
        &mut self,
        field: impl Into<String>,
        parsed: Result<T, impl fmt::Display>,
    ) -> Option<T> {
        parsed.map_err(|reason| self.add(field, reason)).ok()
    }

    /// What was parsed; otherwise its faults are added as ones within `parent`.
    pub(crate) fn keep_within<T>(&mut self, parent: &str, parsed: Result<T, Vec<Fault>>) -> Option<T> {
        parsed.map_err(|faults| self.0.extend(faults.into_iter().map(|fault| fault.within(parent)))).ok()
    }

    /// The whole, where it is there and nothing was at fault.
    pub(crate) fn finish<T>(self, whole: Option<T>) -> Result<T, Vec<Fault>> {
        match whole {
            Some(whole) if self.0.is_empty() => Ok(whole),
            _ => Err(self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_join_as_the_api_writes_them() {
        let within = |field: &str| Fault::new(field, "x").within("endpoint.flow_name").field;
        assert_eq!(within("reference"), "endpoint.flow_name.reference");
        assert_eq!(within(""), "endpoint.flow_name");
        assert_eq!(within("[\"a\"].url"), "endpoint.flow_name[\"a\"].url");
        assert_eq!(Fault::new("a.b", "is wrong").to_string(), "a.b: is wrong");
    }

    #[test]
    fn keys_from_outside_are_quoted_and_cut() {
        assert_eq!(entry_path("values", "a\"b\n"), r#"values["a\"b\n"]"#);
        let long = entry_path("values", &"é".repeat(1_000));
        assert_eq!(long, format!("values[\"{}…\"]", "é".repeat(64)));
        assert_eq!(cut_bytes("aé", 2), "a…");
        assert_eq!(cut_bytes("aé", 3), "aé");
    }

    #[test]
    fn nothing_is_finished_with_a_fault() {
        let mut faults = Faults::default();
        assert_eq!(faults.keep("a", Ok::<_, String>(1)), Some(1));
        assert_eq!(faults.keep("b", Err::<u8, _>("bad")), None);
        assert_eq!(faults.keep_within("c", Err::<u8, _>(vec![Fault::new("d", "worse")])), None);
        assert_eq!(faults.finish(Some(())), Err(vec![Fault::new("b", "bad"), Fault::new("c.d", "worse")]));
        assert_eq!(Faults::default().finish(Some(1)), Ok(1));
    }
}
