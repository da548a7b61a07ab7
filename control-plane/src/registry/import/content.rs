//! Which rows an import has, so that rows which come again can be told from others.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::store::StagedRow;

/// A sum over rows, in whatever order they are added.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Content(u64);

impl Content {
    /// Adds a row.
    pub(super) fn add(&mut self, row: &StagedRow) {
        let StagedRow { row, source_customer_id, customer, external_id, mapping_id, display_name, fault } =
            row;
        let mut hash = Sha256::new().chain_update(row.to_le_bytes());
        // The words of a fault may be others after an upgrade.
        let fault = fault.as_ref().map(|_| "");
        let rest = [customer, external_id, mapping_id, display_name].map(Option::as_deref);
        for text in [Some(source_customer_id.as_str()), fault].into_iter().chain(rest) {
            // No text is that long.
            hash.update(text.map_or(u64::MAX, |text| text.len() as u64).to_le_bytes());
            hash.update(text.unwrap_or_default());
        }
        let [a, b, c, d, e, f, g, h, ..]: [u8; 32] = hash.finalize().into();
        self.0 = self.0.wrapping_add(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    fn content(rows: &[StagedRow]) -> Content {
        let mut content = Content::default();
        rows.iter().for_each(|row| content.add(row));
        content
    }

    #[test]
    fn rows_are_told_apart_by_all_that_is_in_them_and_not_by_their_order() {
        let text = |text: &str| Some(text.to_owned());
        let one =
            StagedRow { source_customer_id: "a".to_owned(), customer: text("b"), ..StagedRow::default() };
        let two = StagedRow { row: 1, ..one.clone() };
        assert_eq!(content(&[one.clone(), two.clone()]), content(&[two.clone(), one.clone()]));
        let others = [
            StagedRow { customer: None, external_id: text("b"), ..one.clone() },
            StagedRow { customer: text("bc"), ..one.clone() },
            StagedRow { display_name: text(""), ..one.clone() },
            StagedRow { mapping_id: text("m"), ..one.clone() },
            StagedRow { source_customer_id: "ab".to_owned(), customer: text(""), ..one.clone() },
            StagedRow { fault: text("is empty"), ..one.clone() },
            two,
        ];
        for other in others {
            assert_ne!(content(from_ref(&other)), content(from_ref(&one)), "{other:?}");
        }
    }
}
