use proptest::prelude::*;

use super::*;

fn vault(keys: &[&SecretKey]) -> Vault {
    let (first, older) = keys.split_first().unwrap();
    Vault::new(&KeyRing::new((*first).clone(), older.iter().map(|key| (*key).clone()).collect()))
}

fn key(byte: u8) -> SecretKey {
    SecretKey::parse(&base64::engine::general_purpose::STANDARD.encode([byte; 32])).unwrap()
}

const HEADERS: Place<'_> = Place::Headers { deployment: "integrations/a/deployments/b", flow: "orders" };

#[test]
fn what_is_sealed_shows_nothing_and_is_never_the_same_twice() {
    let vault = vault(&[&key(1)]);
    let [one, other] = [(); 2].map(|()| vault.seal(HEADERS, "authorization", "Bearer canary").unwrap());
    assert_ne!(one, other);
    assert!(one.starts_with(&format!("sealed:1:{}:", key(1).id())), "{one}");
    assert!(!one.contains("canary"));
    for sealed in [one, other] {
        assert_eq!(vault.open(HEADERS, "authorization", &sealed).unwrap(), "Bearer canary");
    }
    let shown = format!("{vault:?} {:?}", key(1));
    assert!(!shown.contains(&key(1).to_text()) && !shown.contains("[1, 1"), "{shown}");
}

/// Databases hold this form: a change of it needs a migration.
#[test]
fn the_form_stays() {
    let kept = "sealed:1:111a0fd3be4f299e:JNl_01hBc4z1bvXPI26ua92JVtzTYdtTpAmotyKWpshgxXhGCrXw";
    assert_eq!(vault(&[&key(1)]).open(HEADERS, "authorization", kept).unwrap(), "Bearer kept");
}

#[test]
fn a_value_opens_only_in_its_place() {
    let vault = vault(&[&key(1)]);
    let sealed = vault.seal(HEADERS, "authorization", "canary").unwrap();
    let deployment = "integrations/a/deployments/b";
    let elsewhere = [
        (HEADERS, "x-key"),
        (HEADERS, ""),
        (Place::Headers { deployment, flow: "inventory" }, "authorization"),
        (Place::Headers { deployment, flow: "ordersauthorization" }, ""),
        (Place::Headers { deployment: "integrations/a/deployments/c", flow: "orders" }, "authorization"),
        (Place::Headers { deployment: "integrations/a/deployments/border", flow: "s" }, "authorization"),
        (Place::Metadata { integration: deployment }, "authorization"),
        (Place::Salt, "authorization"),
    ];
    for (place, name) in elsewhere {
        assert_eq!(vault.open(place, name, &sealed), Err(UnsealError::Damaged), "{place:?} {name:?}");
    }
}

#[test]
fn any_key_of_the_ring_opens_and_the_first_one_seals() {
    let sealed = vault(&[&key(1)]).seal(HEADERS, "a", "canary").unwrap();
    let both = vault(&[&key(2), &key(1)]);
    assert_eq!(both.open(HEADERS, "a", &sealed).unwrap(), "canary");
    let again = both.seal(HEADERS, "a", "canary").unwrap();
    assert_eq!(vault(&[&key(2)]).open(HEADERS, "a", &again).unwrap(), "canary");
    assert_eq!(vault(&[&key(2)]).open(HEADERS, "a", &sealed), Err(UnsealError::Key(key(1).id())));
    // The id of another key does not make it open.
    let forged = sealed.replace(&key(1).id().to_string(), &key(2).id().to_string());
    assert_eq!(both.open(HEADERS, "a", &forged), Err(UnsealError::Damaged));
}

#[test]
fn what_is_not_sealed_does_not_open() {
    let vault = vault(&[&key(1)]);
    let id = key(1).id();
    let no = ["", "Bearer x", "sealed:1:", "sealed:2:x:y"].map(str::to_owned);
    let of_ours = ["", "AAAA", "!", "AAAAAAAAAAAAAAAA"].map(|rest| format!("sealed:1:{id}:{rest}"));
    for text in no.into_iter().chain(of_ours) {
        let error = vault.open(HEADERS, "a", &text).unwrap_err();
        assert!(matches!(error, UnsealError::Form | UnsealError::Damaged), "{text}: {error}");
    }
}

#[test]
fn errors_name_the_place_and_never_a_value() {
    let vault = vault(&[&key(1)]);
    let held = BTreeMap::from([("authorization".to_owned(), "Bearer canary".to_owned())]);
    let error = vault.open_all(HEADERS, &held).unwrap_err().to_string();
    assert_eq!(
        error,
        "the database is damaged: integrations/a/deployments/b: \
         flow_endpoints[\"orders\"].headers[\"authorization\"] is not sealed as it should be"
    );
}

proptest! {
    #[test]
    fn what_is_sealed_opens_again(
        bytes in any::<[u8; 32]>(), name in ".*", value in ".*", flow in ".*", deployment in ".*",
    ) {
        let vault = Vault::new(&KeyRing::new(
            SecretKey::parse(&base64::engine::general_purpose::STANDARD.encode(bytes)).unwrap(), Vec::new(),
        ));
        for place in [Place::Headers { deployment: &deployment, flow: &flow }, Place::Metadata { integration: &deployment }] {
            let sealed = vault.seal(place, &name, &value).unwrap();
            prop_assert_eq!(vault.open(place, &name, &sealed).unwrap(), value.as_str());
        }
    }

    #[test]
    fn every_change_of_one_bit_is_refused(value in ".{0,40}") {
        let vault = vault(&[&key(1), &key(2)]);
        let sealed = vault.seal(HEADERS, "a", &value).unwrap();
        for index in 0..sealed.len() {
            for bit in 0..8 {
                let mut changed = sealed.clone().into_bytes();
                changed[index] ^= 1 << bit;
                // What is no text is refused by the column.
                if let Ok(changed) = String::from_utf8(changed) {
                    prop_assert!(vault.open(HEADERS, "a", &changed).is_err(), "{changed}");
                }
            }
        }
    }
}
