//! The flows of an integration.

use std::collections::BTreeMap;

use crate::{fault::Faults, name::FlowKey};

/// The most flows of an integration.
pub const MAX_FLOWS: usize = 1_000;
/// The longest name of a flow, in bytes.
pub const MAX_FLOW_NAME_BYTES: usize = 255;

/// A flow as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowSpec {
    /// Its key.
    pub key: String,
    /// Its name; the key where it is empty.
    pub name: String,
}

/// An integration's flows; names and keys are unique together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flows {
    by_key_or_name: BTreeMap<Box<str>, FlowKey>,
    keys: Vec<FlowKey>,
}

impl Flows {
    /// The flow with this key or name.
    #[must_use]
    pub fn find(&self, key_or_name: &str) -> Option<&FlowKey> {
        self.by_key_or_name.get(key_or_name)
    }

    /// The flow with this key.
    #[must_use]
    pub fn find_key(&self, key: &str) -> Option<&FlowKey> {
        self.find(key).filter(|found| found.as_str() == key)
    }

    /// All keys in the order in which they were written.
    #[must_use]
    pub fn keys(&self) -> &[FlowKey] {
        &self.keys
    }

    /// Parses the integration's `flows`. What comes back counts only without faults.
    pub(super) fn parse(specs: Vec<FlowSpec>, faults: &mut Faults) -> Self {
        let mut flows = Self { by_key_or_name: BTreeMap::new(), keys: Vec::with_capacity(specs.len()) };
        match specs.len() {
            0 => faults.add("flows", "is empty, and an integration has at least one flow"),
            1..=MAX_FLOWS => flows.extend(specs, faults),
            _ => faults.add("flows", "holds more than 1,000 flows"),
        }
        flows
    }

    fn extend(&mut self, specs: Vec<FlowSpec>, faults: &mut Faults) {
        // Whose a text is, also where that flow has another fault, so that one write shows all clashes.
        let mut owners: BTreeMap<String, usize> = BTreeMap::new();
        for (index, spec) in specs.into_iter().enumerate() {
            let key = faults.keep(format!("flows[{index}].key"), FlowKey::parse(&spec.key));
            if let Some(reason) = name_fault(&spec.name) {
                faults.add(format!("flows[{index}].name"), reason);
            }
            for (field, text) in [("key", spec.key), ("name", spec.name)] {
                if text.is_empty() {
                    continue;
                }
                match owners.get(&text) {
                    Some(&owner) if owner != index => faults.add(
                        format!("flows[{index}].{field}"),
                        format!("is the key or name of flows[{owner}] too"),
                    ),
                    _ => {
                        self.by_key_or_name.extend(key.clone().map(|key| (text.as_str().into(), key)));
                        owners.insert(text, index);
                    }
                }
            }
            self.keys.extend(key);
        }
    }
}

fn name_fault(name: &str) -> Option<&'static str> {
    if name.len() > MAX_FLOW_NAME_BYTES {
        Some("is longer than 255 bytes")
    } else if name.contains(char::is_control) {
        Some("holds a control character")
    } else {
        None
    }
}
