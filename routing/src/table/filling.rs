//! Many mappings at once.
//!
//! A table that takes a million of them one by one waits for memory again and again, as each goes to a place of its own,
//! and its shards grow many times. So they are gathered, and then put in shard by shard.

use std::{sync::Arc, thread};

use super::{Stamp, Table, records::MappingRecord};
use crate::deployment::CustomerMapping;

/// From so many on, the two ways to a mapping are made at the same time.
const MANY: usize = 10_000;

/// Mappings that are to be put into a table, which does not know of them until then.
#[derive(Debug, Default)]
pub struct Filling {
    mappings: Vec<(u64, Arc<MappingRecord>)>,
    by_source_id: Vec<(u64, Arc<MappingRecord>)>,
}

impl Filling {
    /// Adds a mapping for `table`, and for no other one.
    pub fn push(&mut self, table: &Table, mapping: &CustomerMapping, stamp: Stamp) {
        let record = Arc::new(table.record(mapping, stamp));
        self.mappings.push((table.mappings.hash_of(&record), Arc::clone(&record)));
        self.by_source_id.push((table.mappings_by_source_id.hash_of(&record), record));
    }

    /// Puts all of them in. Of several of a name, also where one is in the table already, the one of the latest revision
    /// counts, and the last one of these. Gives the stamps of those that do not.
    pub fn pour(&mut self, table: &mut Table) -> Vec<Stamp> {
        let Self { mappings, by_source_id } = std::mem::take(self);
        let outlasts = |held: &Arc<MappingRecord>, other: &Arc<MappingRecord>| {
            held.stamp.revision > other.stamp.revision
        };
        let Table { mappings: named, mappings_by_source_id: sourced, .. } = table;
        let replaced = if mappings.len() < MANY {
            sourced.insert_all(by_source_id);
            named.replace_all(mappings, outlasts)
        } else {
            thread::scope(|scope| {
                scope.spawn(|| sourced.insert_all(by_source_id));
                named.replace_all(mappings, outlasts)
            })
        };
        for record in &replaced {
            sourced.remove(MappingRecord::source_key(record), |other| Arc::ptr_eq(other, record));
        }
        replaced.iter().map(|record| record.stamp).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        deployment::Customer,
        directory::{Directory as _, Mapped as _},
        name::{CustomerId, IntegrationId, ResourceName},
        table::Entry,
    };

    fn mapping(id: &str, source_customer_id: &str, customer: &str) -> CustomerMapping {
        let name = format!("integrations/i/customerMappings/{id}").parse().unwrap();
        CustomerMapping::parse(name, source_customer_id, &format!("customers/{customer}")).unwrap()
    }

    fn stamp(revision: i64) -> Stamp {
        Stamp { revision, hash: [0; 16] }
    }

    fn found(table: &Table, source_customer_id: &str) -> Option<String> {
        let Ok(found) = table.mapping(&IntegrationId::parse("i").unwrap(), source_customer_id);
        found.map(|found| found.customer().as_str().to_owned())
    }

    #[test]
    fn a_filled_table_is_as_one_that_took_them_one_by_one() {
        let mut table = Table::new();
        let id = CustomerId::parse("c").unwrap();
        table.upsert(Entry::Customer(Customer::parse(id.clone(), "x").unwrap()));
        let mut filling = Filling::default();
        let mappings: Vec<_> =
            (0..50_000).map(|n| mapping(&format!("m-{n}"), &format!("s-{n}"), "c")).collect();
        (1..).zip(&mappings).for_each(|(n, mapping)| filling.push(&table, mapping, stamp(n)));
        assert_eq!(table.len(), 1, "nothing is there yet");
        assert_eq!(filling.pour(&mut table), []);
        assert_eq!(table.len(), 1 + mappings.len());
        for (n, mapping) in (1..).zip(mappings) {
            let name = ResourceName::CustomerMapping(mapping.name.clone());
            assert_eq!(table.stamp(&name), Some(stamp(n)));
            assert_eq!(found(&table, &mapping.source_customer_id), Some("c".to_owned()));
            assert_eq!(table.get(&name), Some(Entry::CustomerMapping(mapping)));
        }
        assert_eq!(filling.pour(&mut table), [], "it is empty");
    }

    #[test]
    fn of_several_the_latest_counts() {
        let mut table = Table::new();
        table.upsert_stamped(Entry::CustomerMapping(mapping("held", "held", "held")), stamp(5));
        table.upsert_stamped(Entry::CustomerMapping(mapping("old", "old", "old")), stamp(1));
        let mut filling = Filling::default();
        for (id, source, revision) in
            [("held", "late", 4), ("old", "new", 2), ("m", "first", 3), ("m", "second", 3), ("m", "third", 2)]
        {
            filling.push(&table, &mapping(id, source, source), stamp(revision));
        }
        let mut replaced: Vec<_> = filling.pour(&mut table).iter().map(|stamp| stamp.revision).collect();
        replaced.sort_unstable();
        assert_eq!(replaced, [1, 2, 3, 4]);
        for there in ["held", "new", "second"] {
            assert_eq!(found(&table, there).as_deref(), Some(there));
        }
        for gone in ["late", "old", "first", "third"] {
            assert_eq!(found(&table, gone), None, "{gone}");
        }
        assert_eq!(table.len(), 3);
    }

    #[test]
    fn a_clone_does_not_see_what_is_put_in() {
        let mut table = Table::new();
        table.upsert(Entry::CustomerMapping(mapping("a", "a", "a")));
        let before = table.clone();
        let mut filling = Filling::default();
        filling.push(&table, &mapping("b", "b", "b"), stamp(1));
        filling.push(&table, &mapping("a", "c", "c"), stamp(1));
        filling.pour(&mut table);
        assert_eq!((found(&before, "a"), found(&before, "b"), before.len()), (Some("a".to_owned()), None, 1));
        assert_eq!((found(&table, "a"), found(&table, "b"), table.len()), (None, Some("b".to_owned()), 2));
    }
}
