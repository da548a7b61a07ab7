//! What a change of a table costs whoever still reads the state before it: how many bytes are copied, counted by the
//! allocator, with everything that an entry is found by.

use std::alloc::System;

use pointsman_routing::{
    deployment::{Customer, CustomerMapping},
    name::CustomerId,
    table::{Entry, Table},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const MAPPINGS: usize = 1_000_000;
const CUSTOMERS: usize = 1_000;
const INTEGRATIONS: usize = 100;
const CHANGES: usize = 5_000;
/// The promise.
const MAX_COPIED_BYTES: usize = 64 * 1024;

fn customer(n: usize) -> Entry {
    let id = CustomerId::parse(&format!("c-{n}")).expect("an id");
    Entry::Customer(Customer::parse(id, &format!("x-{n}")).expect("a customer"))
}

fn mapping(n: usize, source_customer_id: &str, customer: usize) -> Entry {
    let name = format!("integrations/i-{}/customerMappings/m-{n}", n % INTEGRATIONS);
    let customer = format!("customers/c-{customer}");
    let mapping = CustomerMapping::parse(name.parse().expect("a name"), source_customer_id, &customer);
    Entry::CustomerMapping(mapping.expect("a mapping"))
}

/// The bytes that a change allocates while `table` is being read as it was before.
fn copied_bytes(table: &mut Table, change: impl FnOnce(&mut Table)) -> usize {
    let read = table.clone();
    let region = Region::new(ALLOCATOR);
    change(table);
    let bytes = region.change().bytes_allocated;
    drop(read);
    bytes
}

/// Alone in its binary: other tests would be counted too.
#[test]
fn a_change_among_a_million_mappings_copies_64_kib_at_most() {
    let mut table = Table::new();
    (0..CUSTOMERS).for_each(|n| table.upsert(customer(n)));
    (0..MAPPINGS).for_each(|n| table.upsert(mapping(n, &n.to_string(), n % CUSTOMERS)));

    let mut most = 0;
    let mut changed = |entry: Entry| most = most.max(copied_bytes(&mut table, |table| table.upsert(entry)));
    // Another customer; another source customer id, which stands in another place; and new ones, so that shards grow.
    (0..CHANGES).for_each(|n| changed(mapping(n * 199, &(n * 199).to_string(), (n + 1) % CUSTOMERS)));
    (0..CHANGES).for_each(|n| changed(mapping(n * 197, &format!("other-{n}"), n % CUSTOMERS)));
    (MAPPINGS..MAPPINGS + CHANGES).for_each(|n| changed(mapping(n, &n.to_string(), n % CUSTOMERS)));
    for n in 0..CHANGES {
        let name = mapping(n * 193, "x", 0).name();
        most = most.max(copied_bytes(&mut table, |table| table.remove(&name)));
    }
    assert!(most <= MAX_COPIED_BYTES, "a change copied {most} bytes");
    println!("a change copied {most} bytes at most");
}
