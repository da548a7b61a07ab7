use std::{ops::ControlFlow, time::Duration};

use super::{list::AuditPosition, *};
use crate::{
    domain::filter::{Field, Filter},
    publisher::Settings,
    store::Snapshot,
    testkit::{Plane, put_customer},
};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn entry(second: u64, caller: &str, resource: &str, reroutes: bool) -> AuditEntry {
    AuditEntry {
        time: at(second),
        caller: caller.to_owned(),
        peer: String::new(),
        method: "m".to_owned(),
        request_id: String::new(),
        resource: resource.to_owned(),
        action: AuditAction::Updated,
        changes: vec![FieldChange { reroutes, ..FieldChange::added("a", "b".to_owned()) }],
        resource_count: 1,
    }
}

/// Entries 1 to 6: the clock was set back before the last.
async fn filled() -> Plane {
    let plane = Plane::new(Settings::default());
    plane
        .write(|tx| {
            tx.audit(&entry(10, "ci", "customers/a", false)).unwrap();
            tx.audit(&entry(20, "ci", "customers/b", true)).unwrap();
            tx.audit(&entry(30, "", "integrations/a", false)).unwrap();
        })
        .await;
    plane
        .write(|tx| {
            put_customer(tx, "a", "a");
            tx.audit(&entry(40, "", "integrations/a/deployments/x", true)).unwrap();
            tx.audit(&entry(40, "ci", "integrations/ab", false)).unwrap();
            tx.audit(&entry(15, "ci", "customers/a", true)).unwrap();
        })
        .await;
    plane
}

fn list(
    snapshot: &Snapshot<'_>,
    filter: &str,
    after: Option<AuditPosition>,
    max: usize,
) -> (Vec<i64>, Option<AuditPosition>) {
    let filter = Filter::parse(filter, Field::OF_AUDIT_ENTRIES).unwrap();
    let mut ids = Vec::new();
    let up_to = snapshot.for_each_audit_entry(after, &filter, max, |record| {
        ids.push(record.position.id);
        ControlFlow::Continue(())
    });
    (ids, up_to.unwrap())
}

#[tokio::test]
async fn the_latest_entry_comes_first_and_filters_hold() {
    let plane = filled().await;
    const CASES: &[(&str, &[i64])] = &[
        ("", &[5, 4, 3, 2, 6, 1]),
        ("caller = ci", &[5, 2, 6, 1]),
        ("caller = \"\"", &[4, 3]),
        ("resource = customers/a", &[6, 1]),
        ("resource = integrations/a/*", &[4]),
        ("resource = customers/*", &[2, 6, 1]),
        ("reroutes = true", &[4, 2, 6]),
        ("reroutes = false", &[5, 3, 1]),
        ("revision = 1 AND caller = ci", &[5, 6]),
        ("revision = 0", &[3, 2, 1]),
        ("action = ACTION_UPDATED AND method = m", &[5, 4, 3, 2, 6, 1]),
        ("action = ACTION_CREATED", &[]),
        ("request_id = x", &[]),
        ("create_time >= 1970-01-01T00:00:15Z AND create_time < 1970-01-01T00:00:40Z", &[3, 2, 6]),
        ("caller = ci AND create_time < 1970-01-01T00:00:20Z AND reroutes = true", &[6]),
        ("caller = ci AND caller = \"\"", &[]),
    ];
    plane
        .store
        .read(|snapshot| {
            for (filter, expected) in CASES {
                assert_eq!(list(snapshot, filter, None, 99).0, *expected, "{filter}");
                // In steps, each of which passes over one entry at most, it is the same.
                let (mut ids, mut after) = (Vec::new(), None);
                loop {
                    let (more, up_to) = list(snapshot, filter, after, 1);
                    ids.extend(more);
                    after = up_to;
                    if after.is_none() {
                        break;
                    }
                }
                assert_eq!(ids, *expected, "{filter}, in steps");
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_place_reads_back_as_it_was_written() {
    let plane = filled().await;
    let read = |snapshot: &Snapshot<'_>| {
        let mut places = Vec::new();
        snapshot.for_each_audit_entry(None, &Filter::none(), 1, |record| {
            places.push(record.position);
            ControlFlow::Continue(())
        })?;
        Ok::<_, StoreError>(places)
    };
    for place in plane.store.read(read).await.unwrap() {
        assert_eq!(place.to_string().parse(), Ok(place));
    }
    for text in ["", "/", "1", "1/", "x/1"] {
        assert!(text.parse::<AuditPosition>().is_err(), "{text}");
    }
}
