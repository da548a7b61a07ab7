//! Generated documents, read by us and by others.

use proptest::prelude::*;

use super::{
    super::spec::{self, ours},
    generate::{broken_document, document, lax_document, paths},
    lax::{self, Wins},
};
use crate::reference::Path;

/// Where ours finds a value, the laxest reader finds the same or none.
fn no_other_value(document: &[u8], paths: &[Path]) -> Result<(), TestCaseError> {
    let (Some(answers), Ok(text)) = (ours(document, paths), std::str::from_utf8(document)) else {
        return Ok(());
    };
    for (path, answer) in paths.iter().zip(answers) {
        if let Ok(Some(value)) = answer {
            for wins in [Wins::First, Wins::Last] {
                if let Some(other) = lax::read(text, path, wins) {
                    prop_assert_eq!(&other, &value, "{:?}", wins);
                }
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn where_serde_json_accepts_both_agree(document in document(), paths in paths()) {
        if let Some(expected) = spec::strict(&document, &paths) {
            prop_assert_eq!(ours(&document, &paths), Some(expected));
        }
    }

    #[test]
    fn where_serde_json_refuses_and_we_do_not_the_fault_may_be_skipped(document in broken_document(), paths in paths()) {
        prop_assert_eq!(ours(&document, &paths), spec::read(&document, &paths));
    }

    #[test]
    fn a_laxer_grammar_moves_no_string_border(document in lax_document(), paths in paths()) {
        prop_assert_eq!(ours(&document, &paths), spec::read(&document, &paths));
        no_other_value(&document, &paths)?;
    }

    #[test]
    fn no_laxer_reader_sees_another_value_in_a_broken_document(document in broken_document(), paths in paths()) {
        no_other_value(&document, &paths)?;
    }

    #[test]
    fn a_truncated_object_is_never_read(document in document(), end in any::<prop::sample::Index>(), paths in paths()) {
        let document = [b"{\"a\":", &*document, b"}"].concat();
        prop_assert_eq!(ours(&document[..end.index(document.len())], &paths), None);
    }

    #[test]
    fn depth_is_counted_on_and_beside_the_way(outer in 0..130_usize, inner in 0..130_usize, steps in 0..128_usize) {
        let document = format!("{}{}{}{}", "[".repeat(outer), "[0,".repeat(inner), "0", "]".repeat(outer + inner));
        let path: Path = vec![crate::reference::Step::Index(0); steps].into();
        prop_assert_eq!(ours(document.as_bytes(), &[path]).is_some(), outer + inner <= 128);
    }

    #[test]
    fn no_bytes_make_it_panic(document in prop::collection::vec(any::<u8>(), 0..64), paths in paths()) {
        prop_assert_eq!(ours(&document, &paths), spec::read(&document, &paths));
    }
}
