//! The rows: source customer ids in no order, each of one of some customers.

use std::time::Duration;

use pointsman_proto::admin::v1::{CustomerMappingRow, customer_mapping_row::Target};
use serde_json::{Value, json};

/// Which rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows {
    pub(crate) count: u64,
    pub(crate) customers: u64,
}

impl Rows {
    /// The customers, as a manifest.
    pub(crate) fn customers(&self) -> Value {
        let customer = |n: u64| json!({ "name": Self::customer(n), "externalId": format!("progix-x{n}") });
        json!({ "customers": (0..self.customers).map(customer).collect::<Vec<_>>() })
    }

    /// Which customer a row means.
    pub(crate) fn customer_of(&self, row: u64) -> u64 {
        // A prime: neighbours do not have neighbours.
        row * 7_919 % self.customers
    }

    /// The name of a customer.
    pub(crate) fn customer(n: u64) -> String {
        format!("customers/customer-{n}")
    }

    /// The source customer id of a row. An odd factor gives each 32-bit number once.
    pub(crate) fn source(row: u64) -> String {
        format!("{:08X}", row.wrapping_mul(2_654_435_761) & u64::from(u32::MAX))
    }

    /// A row as it is imported: every other one names its customer by the external ID.
    pub(crate) fn row(&self, row: u64) -> CustomerMappingRow {
        let customer = self.customer_of(row);
        let target = match row % 2 {
            0 => Target::Customer(Self::customer(customer)),
            _ => Target::ExternalId(format!("progix-x{customer}")),
        };
        CustomerMappingRow {
            source_customer_id: Self::source(row),
            target: Some(target),
            ..Default::default()
        }
    }

    /// How many, as the API counts.
    pub(crate) fn wire_count(&self) -> i64 {
        i64::try_from(self.count).expect("fewer than 2^63 rows")
    }

    /// Rows a second.
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    pub(crate) fn rate(&self, took: Duration) -> f64 {
        self.count as f64 / took.as_secs_f64()
    }
}
