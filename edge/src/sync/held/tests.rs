use pointsman_proto::edge::v1::Resource;
use pointsman_routing::directory::{Directory as _, Mapped as _};
use proptest::prelude::*;

use super::*;
use crate::sync::{convert, fixtures};

/// One of few mappings, so that names and source customer ids meet.
fn name(mapping: usize) -> String {
    format!("integrations/i/customerMappings/m-{mapping}")
}

fn any_change() -> impl Strategy<Value = (usize, Option<Resource>)> {
    let good = (0..4_usize, 0..4_usize, 1..5_i64).prop_map(|(mapping, source, revision)| {
        let body = fixtures::mapping(&format!("s-{source}"), &format!("customers/c-{revision}"));
        (mapping, Some(fixtures::resource(&name(mapping), revision, &body)))
    });
    let bad = (0..4_usize, 1..5_i64)
        .prop_map(|(mapping, revision)| (mapping, Some(fixtures::junk(&name(mapping), revision))));
    let removal = (0..4_usize).prop_map(|mapping| (mapping, None));
    prop_oneof![8 => good, 1 => bad, 1 => removal]
}

fn change((mapping, upsert): &(usize, Option<Resource>)) -> Change {
    match upsert {
        Some(upsert) => Change::Upsert(convert::resource(upsert)),
        None => Change::Remove(name(*mapping).into()),
    }
}

/// All that there is to see.
fn seen(held: &Held) -> impl PartialEq + std::fmt::Debug {
    let integration = "integrations/i".parse().unwrap();
    let found: Vec<_> = (0..4)
        .map(|source| {
            let Ok(found) = held.table.mapping(&integration, &format!("s-{source}"));
            found.map(|found| (found.name(), found.customer().clone()))
        })
        .collect();
    let entries: Vec<_> = (0..4).map(|mapping| held.table.get(&name(mapping).parse().unwrap())).collect();
    let rejections: Vec<_> =
        held.rejections.iter().map(|(name, held)| (name.clone(), held.revision)).collect();
    (held.hash, held.len(), found, entries, rejections)
}

proptest! {
    /// Gathered or one by one, and however often it settles in between.
    #[test]
    fn what_is_filled_is_as_what_is_changed(changes in prop::collection::vec((any_change(), prop::bool::weighted(0.1)), 0..40)) {
        let (mut filled, mut changed) = (Held::default(), Held::default());
        for (one, settles) in &changes {
            filled.fill(change(one));
            changed.change(change(one));
            if *settles {
                filled.settle();
            }
        }
        filled.settle();
        prop_assert_eq!(seen(&filled), seen(&changed));
    }
}
