//! Whose webhooks there are, and where each belongs.

use std::{fmt::Write as _, fs, io, path::Path};

use serde_json::{Map, Value};

/// One of the customers, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Customer(pub u32);

/// What a webhook is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// `inventory_update`
    UpdateInventory,
    /// `create_order`
    CreateOrder,
}

impl Customer {
    /// What the third party calls it: 8 hexadecimal digits in no order.
    #[must_use]
    pub fn source_id(self) -> String {
        format!("{:08X}", self.0.wrapping_mul(0x9E37_79B1).wrapping_add(0xA06D_FFAC))
    }

    /// The vendor's own id for it.
    #[must_use]
    pub fn external_id(self) -> String {
        format!("progix-{:06}", self.0)
    }

    /// The last part of the names of its customer and of its deployments.
    #[must_use]
    pub fn id(self) -> String {
        format!("customer-{:06}", self.0)
    }

    /// The path of one of its flows at the upstream.
    #[must_use]
    pub fn path(self, flow: Flow) -> String {
        format!("/d/{}/{}", self.id(), flow.key())
    }
}

impl Flow {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::UpdateInventory, Self::CreateOrder];

    /// What the third party calls it.
    #[must_use]
    pub const fn source_type(self) -> &'static str {
        match self {
            Self::UpdateInventory => "inventory_update",
            Self::CreateOrder => "create_order",
        }
    }

    /// Its key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::UpdateInventory => "update-inventory",
            Self::CreateOrder => "create-order",
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UpdateInventory => "Update Inventory",
            Self::CreateOrder => "Create Order",
        }
    }
}

/// Writes what the contestants route by, each in the form that it reads: `routes.json`, and HAProxy's `customers.map` and
/// `flows.map`.
pub fn write_tables(folder: &Path, customers: u32) -> io::Result<()> {
    let mut object = Map::new();
    let mut map = String::new();
    for customer in (0..customers).map(Customer) {
        let (source, id) = (customer.source_id(), customer.id());
        let _ = writeln!(map, "{source} {id}");
        object.insert(source, id.into());
    }
    let flows: Map<_, Value> =
        Flow::ALL.map(|flow| (flow.source_type().to_owned(), flow.key().into())).into_iter().collect();
    let flow_map: String = Flow::ALL.map(|flow| format!("{} {}\n", flow.source_type(), flow.key())).concat();
    let routes = serde_json::json!({ "customers": object, "flows": flows });
    fs::write(folder.join("routes.json"), routes.to_string())?;
    fs::write(folder.join("customers.map"), map)?;
    fs::write(folder.join("flows.map"), flow_map)
}
