//! What a deployment has for some flows of its integration.

use std::ops::Index;

use crate::name::FlowKey;

/// Values by the key of a flow, in the order of keys, each key once. As small as what is in it: most deployments have a
/// few flows, and there can be a hundred thousand of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByFlow<V>(Box<[(FlowKey, V)]>);

impl<V> ByFlow<V> {
    /// The value of a flow.
    #[must_use]
    pub fn get(&self, flow: &FlowKey) -> Option<&V> {
        let index = self.0.binary_search_by(|(key, _)| key.cmp(flow)).ok()?;
        self.0.get(index).map(|(_, value)| value)
    }

    /// Whether there is one.
    #[must_use]
    pub fn contains_key(&self, flow: &FlowKey) -> bool {
        self.get(flow).is_some()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&FlowKey, &V)> {
        self.0.iter().map(|(flow, value)| (flow, value))
    }

    /// Takes what `shared` has for a flow in the place of its own: one text for all deployments.
    pub(crate) fn share_flows<'f>(&mut self, shared: impl Fn(&FlowKey) -> Option<&'f FlowKey>) {
        for (flow, _) in &mut self.0 {
            if let Some(shared) = shared(flow).filter(|shared| *shared == flow) {
                *flow = shared.clone();
            }
        }
    }

    /// The flows.
    pub fn keys(&self) -> impl Iterator<Item = &FlowKey> {
        self.0.iter().map(|(flow, _)| flow)
    }

    /// The values, in the order of their flows.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }
}

impl<V> Default for ByFlow<V> {
    fn default() -> Self {
        Self(Box::default())
    }
}

/// Of two values of one flow, the first counts.
impl<V> FromIterator<(FlowKey, V)> for ByFlow<V> {
    fn from_iter<I: IntoIterator<Item = (FlowKey, V)>>(values: I) -> Self {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(|(one, _), (other, _)| one.cmp(other));
        values.dedup_by(|(later, _), (earlier, _)| later == earlier);
        Self(values.into())
    }
}

/// For a flow that has one.
impl<V> Index<&FlowKey> for ByFlow<V> {
    type Output = V;

    fn index(&self, flow: &FlowKey) -> &V {
        self.get(flow).expect("a flow that has one")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key: &str) -> FlowKey {
        FlowKey::parse(key).unwrap()
    }

    #[test]
    fn values_are_found_by_their_flows() {
        let values: ByFlow<i32> = [(key("b"), 2), (key("c"), 3), (key("a"), 1)].into_iter().collect();
        assert_eq!((values[&key("a")], values.get(&key("c")), values.get(&key("d"))), (1, Some(&3), None));
        assert!(values.contains_key(&key("b")) && !values.contains_key(&key("B")));
        assert_eq!(values.keys().map(FlowKey::as_str).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(values.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(ByFlow::<i32>::default().values().next().is_none());
    }

    #[test]
    fn a_flow_is_shared_where_it_is_the_same() {
        let mut values: ByFlow<i32> = [(key("a"), 1), (key("b"), 2)].into_iter().collect();
        let before = values.clone();
        let shared = [key("a"), key("c")];
        values.share_flows(|flow| shared.iter().find(|shared| *shared == flow).or(Some(&shared[1])));
        assert_eq!(values, before);
        let is_shared =
            |flow: &FlowKey| shared.iter().any(|shared| std::ptr::eq(shared.as_str(), flow.as_str()));
        assert_eq!(values.keys().map(is_shared).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn a_flow_has_one_value() {
        let values: ByFlow<i32> = [(key("a"), 1), (key("a"), 2)].into_iter().collect();
        assert_eq!(values.values().collect::<Vec<_>>(), [&1]);
    }
}
