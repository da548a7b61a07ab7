use super::Cursor;
use crate::store::PageKey;
use proptest::prelude::*;

#[test]
fn a_token_is_good_for_its_list_and_its_database_only() {
    let (one, other) = (PageKey::for_tests([1; 32]), PageKey::for_tests([2; 32]));
    let cursor = Cursor::new(&one, "integrations/a".to_owned());
    let token = cursor.seal("integrations/a/deployments/x");
    assert_eq!(cursor.open(&token).unwrap(), "integrations/a/deployments/x");
    assert_eq!(
        Cursor::new(&one, "integrations/a".to_owned()).open(&token).unwrap(),
        "integrations/a/deployments/x"
    );
    Cursor::new(&one, "integrations/b".to_owned()).open(&token).unwrap_err();
    Cursor::new(&other, "integrations/a".to_owned()).open(&token).unwrap_err();
}

/// The border between the list's name and the last name on a page cannot be moved.
#[test]
fn a_token_says_where_the_name_begins() {
    let key = PageKey::for_tests([1; 32]);
    let token = Cursor::new(&key, "ab".to_owned()).seal("c");
    assert_ne!(token, Cursor::new(&key, "a".to_owned()).seal("bc"));
    assert_ne!(Cursor::new(&key, "ab".to_owned()).mac("c"), Cursor::new(&key, "a".to_owned()).mac("bc"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_garbage_opens(token in ".{1,80}") {
        let key = PageKey::for_tests([7; 32]);
        prop_assert!(Cursor::new(&key, String::new()).open(&token).is_err());
    }

    #[test]
    fn what_was_sealed_opens(name in "[a-zA-Z0-9/._-]{0,200}") {
        let cursor = Cursor::new(&PageKey::for_tests([7; 32]), "list".to_owned());
        prop_assert_eq!(cursor.open(&cursor.seal(&name)).unwrap(), name);
    }
}
