//! Whether another reader could take two names for one.
//!
//! A name counts only where it is exactly the one that a reference holds. But a request that holds it and, beside it, a
//! name that common readers do not tell from it, would be read in two ways: it is ambiguous, as a duplicate is. So
//! likeness never finds a value, it only refuses.

/// How a name relates to the one that a reference holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// It is the one.
    Same,
    /// It is another one, which some reader takes for it.
    Alike,
    /// It is another one.
    Different,
}

/// Compares the keys of JSON objects. Go's and ASP.NET's readers fold case, and readers that keep C strings see only
/// what stands before a NUL.
pub(super) fn of_keys(wanted: &str, name: &str) -> Likeness {
    if wanted == name {
        return Likeness::Same;
    }
    if is_plain(wanted) && is_plain(name) {
        return of_plain_keys(wanted.as_bytes(), name.as_bytes());
    }
    if folded(wanted).eq(folded(name)) { Likeness::Alike } else { Likeness::Different }
}

/// [`of_keys`] of two plain ones.
pub(super) fn of_plain_keys(wanted: &[u8], name: &[u8]) -> Likeness {
    if wanted == name {
        Likeness::Same
    } else if wanted.eq_ignore_ascii_case(name) {
        Likeness::Alike
    } else {
        Likeness::Different
    }
}

/// Compares the names of form fields, query parameters and parts. To what [`of_keys`] says PHP adds that it drops
/// leading spaces, reads `.` and space as `_`, and lets `id[…]` overwrite `id`; others drop trailing spaces.
pub(super) fn of_fields(wanted: &str, name: &str) -> Likeness {
    if wanted == name {
        return Likeness::Same;
    }
    let name = if wanted.contains('[') { name } else { name.split('[').next().unwrap_or_default() };
    let (wanted, name) = (wanted.trim_matches(' '), name.trim_matches(' '));
    let alike = if is_plain(wanted) && is_plain(name) {
        let php = |byte: u8| if matches!(byte, b'.' | b' ') { b'_' } else { byte.to_ascii_lowercase() };
        wanted.len() == name.len() && wanted.bytes().map(php).eq(name.bytes().map(php))
    } else {
        let php = |character| if matches!(character, '.' | ' ') { '_' } else { character };
        folded(wanted).map(php).eq(folded(name).map(php))
    };
    if alike { Likeness::Alike } else { Likeness::Different }
}

/// Whether only the case of its letters can hide in a name: nearly always. Two plain names of different lengths are never
/// alike to [`of_keys`].
pub(super) fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| matches!(byte, 1..0x80))
}

/// The name as it is without case, up to a NUL. Through upper case, so that `ſ` and `K` (Kelvin) become `s` and `k`.
fn folded(name: &str) -> impl Iterator<Item = char> {
    name.chars()
        .take_while(|character| *character != '\0')
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_itself_is_the_same() {
        for name in ["customerId", "", "ключ"] {
            assert_eq!(of_keys(name, name), Likeness::Same);
            assert_eq!(of_fields(name, name), Likeness::Same);
        }
    }

    #[test]
    fn case_and_what_follows_a_nul_make_no_difference_to_some_readers() {
        for name in ["CustomerID", "cuſtomerid", "customerId\0", "customerId\0x"] {
            assert_eq!(of_keys("customerId", name), Likeness::Alike, "{name:?}");
            assert_eq!(of_fields("customerId", name), Likeness::Alike, "{name:?}");
        }
        assert_eq!(of_keys("ключ", "КЛЮЧ"), Likeness::Alike);
        assert_eq!(of_keys("k", "\u{212a}"), Likeness::Alike);
        assert_eq!(of_keys("a\0x", "A"), Likeness::Alike);
        for name in ["customer", "customerId2", "customer_id", " customerId", "customerId[]", ""] {
            assert_eq!(of_keys("customerId", name), Likeness::Different, "{name:?}");
        }
    }

    #[test]
    fn php_takes_more_field_names_for_one() {
        for name in [
            "customer_id",
            "customer id",
            "  customer.id",
            "Customer.id ",
            "customer.id[]",
            "customer.id[x]y",
            "customer.id\0é",
        ] {
            assert_eq!(of_fields("customer.id", name), Likeness::Alike, "{name:?}");
        }
        for name in ["customer.i", "customer-id", "[customer.id"] {
            assert_eq!(of_fields("customer.id", name), Likeness::Different, "{name:?}");
        }
        assert_eq!(of_fields("customer[id]", "customer[name]"), Likeness::Different);
        assert_eq!(of_fields("customer[id]", "customer[ID]"), Likeness::Alike);
    }
}
