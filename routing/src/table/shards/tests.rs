use std::mem::size_of;

use super::*;

/// An entry that is as large as the shared pointers that tables hold.
type Text = Arc<str>;

fn key_of(text: &Text) -> Key<'_> {
    Key::of(text)
}

fn filled(count: usize) -> Shards<Text> {
    let mut shards = Shards::<Text>::new(key_of);
    (0..count).for_each(|n| shards.insert(n.to_string().into()));
    shards
}

/// The bytes of what `changed` does not share with `before`.
fn copied_bytes(before: &Shards<Text>, changed: &Shards<Text>) -> usize {
    let mut bytes = 0;
    if !Arc::ptr_eq(&before.nodes, &changed.nodes) {
        bytes += size_of::<[Node<Text>; NODES]>();
    }
    for (node, other) in changed.nodes.iter().zip(before.nodes.iter()) {
        if Arc::ptr_eq(node, other) {
            continue;
        }
        bytes += size_of::<[Shard<Text>; SHARDS]>();
        let shards = node.iter().zip(other.iter());
        let own = shards.filter(|(shard, other)| !Arc::ptr_eq(shard, other));
        bytes += own.map(|(shard, _)| shard.allocation_size()).sum::<usize>();
    }
    bytes
}

#[test]
fn entries_are_found_by_key_and_taken_out() {
    let mut shards = filled(1_000);
    assert_eq!(shards.len(), 1_000);
    assert_eq!(shards.only(Key::of("7")).map(|text| &**text), Some("7"));
    assert_eq!((shards.only(Key::of("1000")), shards.only(Key::within("7", ""))), (None, None));
    assert_eq!(shards.remove(Key::of("7"), |_| false), None);
    assert_eq!(shards.remove(Key::of("7"), |_| true).as_deref(), Some("7"));
    assert_eq!(shards.remove(Key::of("7"), |_| true), None);
    assert_eq!((shards.len(), shards.only(Key::of("7"))), (999, None));
}

#[test]
fn entries_of_one_key_stand_side_by_side() {
    let mut shards = filled(0);
    let (first, second): (Text, Text) = ("a".into(), "a".into());
    shards.insert(Arc::clone(&first));
    shards.insert(Arc::clone(&second));
    assert_eq!((shards.len(), shards.all(Key::of("a")).count(), shards.only(Key::of("a"))), (2, 2, None));
    let removed = shards.remove(Key::of("a"), |text| Arc::ptr_eq(text, &first)).unwrap();
    assert!(Arc::ptr_eq(&removed, &first));
    assert!(Arc::ptr_eq(shards.only(Key::of("a")).unwrap(), &second));
}

#[test]
fn an_entry_takes_the_place_of_another() {
    let mut shards = filled(10);
    let (first, second): (Text, Text) = ("7".into(), "7".into());
    assert!(shards.replace(Arc::clone(&first), |_| true).is_some_and(|before| !Arc::ptr_eq(&before, &first)));
    assert_eq!(shards.replace(Arc::clone(&second), |_| false), None);
    assert_eq!((shards.len(), shards.all(Key::of("7")).count()), (11, 2));
    let before = shards.replace("7".into(), |held| Arc::ptr_eq(held, &second)).unwrap();
    assert!(Arc::ptr_eq(&before, &second));
    assert!(shards.all(Key::of("7")).any(|held| Arc::ptr_eq(held, &first)));
    assert_eq!(shards.len(), 11);
}

#[test]
fn where_one_text_ends_and_the_other_begins_shows() {
    assert_ne!(Key::within("a", "b"), Key::of("ab"));
    assert_ne!(Key::within("a", "bc"), Key::within("ab", "c"));
}

#[test]
fn a_clone_does_not_see_later_changes() {
    let before = filled(100);
    let mut after = before.clone();
    after.insert("new".into());
    after.remove(Key::of("5"), |_| true);
    assert_eq!((before.len(), before.only(Key::of("new")), before.all(Key::of("5")).count()), (100, None, 1));
    assert_eq!((after.len(), after.all(Key::of("new")).count(), after.only(Key::of("5"))), (100, 1, None));
}

#[test]
fn what_changes_nothing_copies_nothing() {
    let before = filled(100);
    let mut after = before.clone();
    assert_eq!(after.remove(Key::of("missing"), |_| true), None);
    assert_eq!(copied_bytes(&before, &after), 0);
}

#[test]
fn keys_spread_over_all_shards() {
    let shards = filled(100_000);
    let sizes = || shards.nodes.iter().flat_map(|node| node.iter()).map(|shard| shard.len());
    assert_eq!(sizes().sum::<usize>(), 100_000);
    // 6 on average; with a fair hash, more than 40 in any of 16,384 would be a wonder.
    assert!(sizes().max().unwrap() < 40);
    assert!(sizes().filter(|&size| size > 0).count() > 16_000);
}
