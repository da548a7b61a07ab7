use std::{
    ops::ControlFlow,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::*;
use crate::{
    domain::FieldChange,
    publisher::Settings,
    store::{AuditAction, AuditEntry},
    testkit::Plane,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn now() -> SystemTime {
    UNIX_EPOCH + 1_000 * DAY
}

#[tokio::test]
async fn entries_are_kept_for_a_set_time() {
    let plane = Plane::new(Settings::default());
    let entry = |time| AuditEntry {
        time,
        caller: String::new(),
        peer: String::new(),
        method: String::new(),
        request_id: String::new(),
        resource: String::new(),
        action: AuditAction::Created,
        changes: vec![FieldChange::added("a", "b".to_owned())],
        resource_count: 1,
    };
    plane
        .write(move |tx| {
            // More than goes at once.
            for _ in 0..FORGOTTEN_AT_ONCE * 2 + 5 {
                tx.audit(&entry(now() - 11 * DAY)).unwrap();
            }
            tx.audit(&entry(now() - 10 * DAY)).unwrap();
            tx.audit(&entry(now())).unwrap();
        })
        .await;
    let registry = Registry::new(plane.store.clone(), now);
    let count = async || {
        let add = |count: &mut usize, _| {
            *count += 1;
            ControlFlow::Continue(())
        };
        registry.audit(None, Filter::none(), 0, add).await.unwrap().page
    };
    registry.forget_audit(11 * DAY).await.unwrap();
    assert_eq!(count().await, FORGOTTEN_AT_ONCE * 2 + 7);
    registry.forget_audit(10 * DAY).await.unwrap();
    assert_eq!(count().await, 2);
    assert_eq!(plane.store.revisions().borrow().number(), 0, "configuration has not changed");
    // Longer than there is time.
    registry.forget_audit(Duration::MAX).await.unwrap();
    assert_eq!(count().await, 2);
}
