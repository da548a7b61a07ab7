//! The ids of mappings that were given none: derived from the source customer id.

use std::fmt::Write as _;

use pointsman_routing::name::MappingId;
use sha2::{Digest as _, Sha256};

/// How much of a source customer id that is no id itself is kept for people to recognise.
const PREFIX_BYTES: usize = 30;
/// 128 bits: nobody finds two source customer ids with the same.
const HASH_BYTES: usize = 16;

/// The id of the mapping of `source_customer_id`, where it is given none: the source customer id itself where that is an
/// id, else what of it can stand in an id, and a hash. Always the same for the same source customer id.
///
/// A source customer id that looks as if it were derived from another one gets the same id as that. Whoever writes
/// mappings finds out, since names are unique.
#[must_use]
pub fn derived_mapping_id(source_customer_id: &str) -> MappingId {
    MappingId::parse(source_customer_id).unwrap_or_else(|_| {
        MappingId::parse(&with_hash(source_customer_id)).expect("letters, digits and `-`, at most 63")
    })
}

fn with_hash(source_customer_id: &str) -> String {
    let mut id = String::with_capacity(PREFIX_BYTES + 1 + 2 * HASH_BYTES);
    for letter in source_customer_id.chars() {
        if id.len() == PREFIX_BYTES {
            break;
        }
        match letter {
            'A'..='Z' | 'a'..='z' | '0'..='9' => id.push(letter),
            // One for each run of others, and none at the start, where an id may have none.
            _ if !id.is_empty() && !id.ends_with('-') => id.push('-'),
            _ => {}
        }
    }
    if !id.is_empty() && !id.ends_with('-') {
        id.push('-');
    }
    for byte in &Sha256::digest(source_customer_id)[..HASH_BYTES] {
        write!(id, "{byte:02x}").expect("a string takes all");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(source: &str) -> String {
        derived_mapping_id(source).as_str().to_owned()
    }

    #[test]
    fn a_source_id_that_is_an_id_is_the_id() {
        for source in ["A06DFFAC", "a.b_c-D", "0", &"x".repeat(63)] {
            assert_eq!(derived(source), source);
        }
    }

    /// Pinned: a later import must find what an earlier one made.
    #[test]
    fn any_other_is_told_apart_by_its_hash() {
        // printf 'org/42' | sha256sum | head -c 32
        assert_eq!(derived("org/42"), "org-42-8e91c521f5f0a844c807a4bb95767a69");
        assert_ne!(derived("org/42"), derived("org 42"));
        assert_ne!(derived("a\n"), derived("a\r"));
        assert!(derived("--über").starts_with("ber-"), "{}", derived("--über"));
        for source in ["", "/", "日本", &"x".repeat(64), &"/a".repeat(200)] {
            assert!(derived(source).len() <= 63, "{}", derived(source));
            assert_eq!(derived(source), derived(source));
        }
    }

    #[test]
    fn a_crafted_source_id_meets_its_victim_and_nothing_else() {
        let victim = derived("org/42");
        assert_eq!(derived(&victim), victim);
    }
}
