use super::*;
use crate::sync::fixtures::{EPOCH, chunk, commit, customer, deployment, integration, junk, resource};

const INTEGRATION: &str = "integrations/acme";
const CUSTOMER: &str = "customers/bowlers";

fn deployment_name(n: usize) -> String {
    format!("{INTEGRATION}/deployments/d{n}")
}

/// Acme with these tokens, deployed so many times.
fn acme(tokens: &[&str], deployments: usize) -> Vec<v1::Resource> {
    let mut resources =
        vec![resource(INTEGRATION, 1, &integration(tokens)), resource(CUSTOMER, 2, &customer("progix-1"))];
    resources.extend(
        (0..deployments)
            .map(|n| resource(&deployment_name(n), 3, &deployment(CUSTOMER, "http://flow.example/"))),
    );
    resources
}

/// A holder at revision 9.
fn holder(resources: Vec<v1::Resource>) -> Holder {
    let mut holder = Holder::default();
    let outcome = offer(&mut holder, commit(chunk(9, true, resources, &[])), None);
    assert_eq!(outcome, Ok(Outcome::Applied(Applied::Taken)), "who holds nothing takes anything in");
    holder
}

fn of(epoch: &str, revision: i64, resources: Vec<v1::Resource>) -> Commit {
    commit(v1::Chunk { epoch: epoch.to_owned(), ..chunk(revision, true, resources, &[]) })
}

/// What is held back, and that nothing of the commit is in service then.
fn held_back(holder: &mut Holder, commit: Commit) -> Option<(Loss, Loss)> {
    let before = (holder.epoch().to_owned(), holder.revision(), holder.hash(), holder.table().len());
    let offered = (commit.epoch.clone(), commit.revision);
    match offer(holder, commit, None).expect("a commit that can be judged") {
        Outcome::Applied(applied) => {
            assert_eq!(applied, Applied::Taken);
            assert_eq!((holder.epoch(), holder.revision()), (offered.0.as_str(), offered.1));
            None
        }
        Outcome::HeldBack(held_back) => {
            let after = (holder.epoch().to_owned(), holder.revision(), holder.hash(), holder.table().len());
            assert_eq!(after, before);
            assert_eq!((held_back.epoch, held_back.revision), offered);
            Some((held_back.endpoints, held_back.deployments))
        }
    }
}

const fn loss(served: usize, removed: usize) -> Loss {
    Loss { served, removed }
}

#[test]
fn another_database_is_held_back_where_it_removes_more_than_half() {
    let offered = |tokens: &[&str], deployments| {
        held_back(&mut holder(acme(&["t1", "t2"], 4)), of("other", 1, acme(tokens, deployments)))
    };
    assert_eq!(offered(&["t1", "t2"], 4), None);
    assert_eq!(offered(&["t1", "t3"], 2), None, "half is not most");
    assert_eq!(offered(&["t1", "t2"], 1), Some((loss(2, 0), loss(4, 3))));
    assert_eq!(offered(&["t3", "t4"], 4), Some((loss(2, 2), loss(4, 0))), "endpoints count by their tokens");
    let empty = held_back(&mut holder(acme(&["t1", "t2"], 4)), of("other", 0, vec![]));
    assert_eq!(empty, Some((loss(2, 2), loss(4, 4))));
}

#[test]
fn an_older_revision_is_held_back_and_a_later_one_is_not() {
    for (revision, is_held_back) in [(8, true), (9, false), (10, false)] {
        let mut holder = holder(acme(&["t1"], 1));
        assert_eq!(held_back(&mut holder, of(EPOCH, revision, vec![])).is_some(), is_held_back, "{revision}");
    }
    // One that removes little is taken in, older or not.
    assert_eq!(held_back(&mut holder(acme(&["t1"], 2)), of(EPOCH, 8, acme(&["t1"], 1))), None);
}

#[test]
fn who_serves_nothing_takes_anything_in() {
    let only_customers = || vec![resource(CUSTOMER, 2, &customer("progix-1"))];
    assert_eq!(held_back(&mut holder(only_customers()), of("other", 0, vec![])), None);
    // An endpoint type other than its own leads a token nowhere.
    let nowhere = v1::Integration {
        endpoint_type: v1::EndpointType::InstanceSpecific.into(),
        external_customer_id: None,
        ..integration(&["t"])
    };
    let mut holder = holder(vec![resource(INTEGRATION, 1, &nowhere)]);
    assert!(holder.rejected() == 0 && holder.table().endpoint("t").is_none());
    assert_eq!(held_back(&mut holder, of("other", 0, vec![])), None);
}

#[test]
fn what_cannot_be_used_counts_as_removed_unless_its_last_good_form_stays() {
    let unusable = |url: &str, body: bool| {
        let mut resources = acme(&["t1"], 0);
        let name = deployment_name(0);
        resources.push(match body {
            true => resource(&name, 8, &deployment(CUSTOMER, url)),
            false => junk(&name, 8),
        });
        resources
    };
    let judged =
        |epoch, resources| held_back(&mut holder(acme(&["t1"], 1)), of(epoch, 8, resources)).is_some();
    // Its customer is read, and the same; so far as this is the database that the last good form is of.
    assert!(!judged(EPOCH, unusable("ftp://x/", true)));
    assert!(judged("other", unusable("ftp://x/", true)));
    assert!(judged(EPOCH, unusable("", false)), "what cannot be read goes out of service");
}

#[test]
fn an_admins_word_is_for_its_epoch_and_revision_or_a_later_one() {
    let accept = |epoch: &str, revision| v1::Accept { epoch: epoch.to_owned(), revision };
    for (accepted, is_taken) in [
        (accept("other", 5), true),
        (accept("other", 4), true),
        (accept("other", 6), false),
        (accept("third", 5), false),
        (accept(EPOCH, 5), false),
    ] {
        let mut holder = holder(acme(&["t1"], 1));
        let outcome = offer(&mut holder, of("other", 5, vec![]), Some(&accepted)).unwrap();
        assert_eq!(outcome == Outcome::Applied(Applied::Taken), is_taken, "{accepted:?}");
        assert_eq!(holder.table().is_empty(), is_taken);
    }
}

#[test]
fn changes_are_never_held_back() {
    let mut holder = holder(acme(&["t1"], 1));
    let removals = commit(chunk(10, false, vec![], &[INTEGRATION, &deployment_name(0)]));
    assert_eq!(offer(&mut holder, removals, None), Ok(Outcome::Applied(Applied::Taken)));
    assert!(holder.table().endpoint("t1").is_none());
}
