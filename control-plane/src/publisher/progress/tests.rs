use super::*;

const BEAT: Duration = Duration::from_secs(5);
const OFFER: Duration = Duration::from_secs(30);

fn at(revision: i64) -> Position {
    let revision = Revision::new(revision);
    Position { revision, hash: ConfigHash::of("customers/a", revision.number(), b"") }
}

fn other(revision: i64) -> Position {
    Position { hash: ConfigHash::default(), ..at(revision) }
}

fn held(epoch: &str, revision: i64) -> Held {
    let Position { revision, hash } = at(revision);
    Held { epoch: epoch.to_owned(), revision, hash }
}

/// The first base at revision 10 of the epoch `e`, where the hash at `known` is remembered.
fn first(held: Option<&Held>, known: Option<Position>) -> Base {
    let recall = |revision| known.filter(|known| known.revision == revision).map(|known| known.hash);
    let mut progress = Progress::new(held, "e", Revision::new(10), recall, BEAT, OFFER);
    progress.next(Revision::new(10), Instant::now()).expect("every stream begins with a commit")
}

/// One that has acknowledged revision 1.
fn greeted(now: Instant) -> Progress {
    let mut progress = Progress::new(None, "e", Revision::new(1), |_| None, BEAT, OFFER);
    assert!(progress.next(Revision::new(1), now).is_some());
    progress.sent(at(1));
    assert_eq!(progress.acknowledged(at(1), true, now).unwrap(), Verdict::Good);
    progress
}

#[test]
fn an_edge_goes_on_from_what_it_holds_where_that_is_ours() {
    let snapshot_of = |revision| Base::Nothing { at_least: Revision::new(revision) };
    let snapshot = snapshot_of(0);
    let since = |revision| Base::Revision(Revision::new(revision));
    assert_eq!(first(None, None), snapshot);
    assert_eq!(first(Some(&held("e", 10)), None), since(10), "also where there is nothing to send");
    assert_eq!(first(Some(&held("e", 3)), None), since(3), "the acknowledgement will tell");
    assert_eq!(first(Some(&held("e", 3)), Some(at(3))), since(3));
    assert_eq!(
        first(Some(&held("e", 3)), Some(other(3))),
        snapshot_of(3),
        "not what we had at that revision"
    );
    assert_eq!(first(Some(&held("e", 11)), None), snapshot, "ahead of us");
    assert_eq!(first(Some(&held("other", 3)), None), snapshot);
}

#[test]
fn one_commit_is_under_way_at_a_time() {
    let now = Instant::now();
    let mut progress = greeted(now);
    assert_eq!(progress.next(Revision::new(1), now), None, "nothing new");
    assert_eq!(progress.next(Revision::new(2), now), Some(Base::Revision(Revision::new(1))));
    assert_eq!(progress.next(Revision::new(3), now), None, "while it is read and sent");
    assert_eq!(progress.acknowledged(at(1), false, now).unwrap(), Verdict::Old, "of the commit before");
    assert_eq!(progress.next(Revision::new(3), now), None);
    progress.sent(at(3));
    assert_eq!(progress.next(Revision::new(9), now), None, "until it is acknowledged");
    assert_eq!(progress.acknowledged(at(1), true, now).unwrap(), Verdict::Old, "a duplicate");
    assert_eq!(progress.next(Revision::new(9), now), None);
    assert_eq!(progress.acknowledged(at(3), true, now).unwrap(), Verdict::Good);
    assert_eq!(progress.next(Revision::new(9), now), Some(Base::Revision(Revision::new(3))));
}

#[test]
fn what_was_never_sent_cannot_be_acknowledged() {
    let now = Instant::now();
    let mut progress = greeted(now);
    assert!(matches!(progress.acknowledged(at(2), false, now), Err(MessageError::NeverSent(_))));
    let mut back = Progress::new(Some(&held("e", 1)), "e", Revision::new(1), |_| None, BEAT, OFFER);
    assert_eq!(back.acknowledged(at(1), false, now).unwrap(), Verdict::Old, "as on its stream before");
    let mut fresh = Progress::new(None, "e", Revision::new(1), |_| None, BEAT, OFFER);
    assert!(matches!(fresh.acknowledged(at(0), false, now), Err(MessageError::NeverSent(_))));
}

#[test]
fn drift_is_repaired_by_a_snapshot_that_does_not_go_back() {
    let now = Instant::now();
    for by_heartbeat in [true, false] {
        let mut progress = greeted(now);
        let verdict = if by_heartbeat {
            progress.heartbeat(other(1), now)
        } else {
            progress.acknowledged(other(1), false, now).unwrap()
        };
        assert_eq!(verdict, Verdict::Drifted);
        assert_eq!(progress.wake_at(Revision::new(1)), Some(now));
        let base = progress.next(Revision::new(1), now);
        assert_eq!(base, Some(Base::Nothing { at_least: Revision::new(1) }));
        progress.sent(at(1));
        assert_eq!(progress.acknowledged(at(1), true, now).unwrap(), Verdict::Good);
        assert_eq!(progress.next(Revision::new(1), now), None);
        assert_eq!(progress.wake_at(Revision::new(1)), None);
    }
    let nothing = Position { revision: Revision::default(), hash: ConfigHash::default() };
    // An edge that says it serves another revision, or none, has drifted as well.
    assert_eq!(greeted(now).heartbeat(at(2), now), Verdict::Drifted);
    assert_eq!(greeted(now).heartbeat(nothing, now), Verdict::Drifted);
    assert_eq!(greeted(now).heartbeat(at(1), now), Verdict::Good);
}

#[test]
fn a_heartbeat_says_nothing_while_a_commit_is_on_its_way() {
    let now = Instant::now();
    let mut progress = greeted(now);
    progress.next(Revision::new(2), now);
    assert_eq!(progress.heartbeat(at(1), now), Verdict::Old);
    progress.sent(at(2));
    assert_eq!(progress.heartbeat(at(1), now), Verdict::Old);
}

#[test]
fn a_repair_that_does_not_help_waits_twice_as_long_each_time() {
    let mut now = Instant::now();
    let mut progress = greeted(now);
    let mut waits = Vec::new();
    assert_eq!(progress.acknowledged(other(1), false, now).unwrap(), Verdict::Drifted);
    for _ in 0..10 {
        let repair_at = progress.wake_at(Revision::new(1)).expect("a repair is due");
        waits.push((repair_at - now).as_secs() / BEAT.as_secs());
        if repair_at > now {
            assert_eq!(progress.next(Revision::new(1), now), None, "not yet");
            // Hearing of it again does not put it off.
            assert_eq!(progress.heartbeat(other(1), now), Verdict::Drifted);
            assert_eq!(progress.wake_at(Revision::new(1)), Some(repair_at));
        }
        now = repair_at;
        assert!(matches!(progress.next(Revision::new(1), now), Some(Base::Nothing { .. })));
        progress.sent(at(1));
        assert_eq!(progress.acknowledged(other(1), true, now).unwrap(), Verdict::Drifted);
    }
    assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 64, 64, 64]);
}

/// Drift may come once a month on a stream that lives for years.
#[test]
fn after_a_repair_that_helped_the_next_one_is_at_once() {
    let now = Instant::now();
    let mut progress = greeted(now);
    for _ in 0..3 {
        assert_eq!(progress.heartbeat(other(1), now), Verdict::Drifted);
        assert_eq!(progress.wake_at(Revision::new(1)), Some(now));
        assert!(matches!(progress.next(Revision::new(1), now), Some(Base::Nothing { .. })));
        progress.sent(at(1));
        assert_eq!(progress.acknowledged(at(1), true, now).unwrap(), Verdict::Good);
        assert_eq!(progress.heartbeat(at(1), now), Verdict::Good);
    }
    // An acknowledgement alone does not show it: the edge drifts as soon as it has said it.
    assert_eq!(progress.heartbeat(other(1), now), Verdict::Drifted);
    progress.next(Revision::new(1), now);
    progress.sent(at(1));
    assert_eq!(progress.acknowledged(at(1), true, now).unwrap(), Verdict::Good);
    assert_eq!(progress.heartbeat(other(1), now), Verdict::Drifted);
    assert_eq!(progress.wake_at(Revision::new(1)), Some(now + BEAT));
}

/// One that holds revision 1 back.
fn holding(now: Instant) -> Progress {
    let mut progress = Progress::new(Some(&held("other", 7)), "e", Revision::new(1), |_| None, BEAT, OFFER);
    assert_eq!(progress.next(Revision::new(1), now), Some(Base::Nothing { at_least: Revision::new(0) }));
    progress.sent(at(1));
    assert_eq!(progress.held_back(Revision::new(1), true, now).unwrap(), Verdict::Good);
    progress
}

#[test]
fn who_holds_something_back_is_offered_later_states_some_time_apart() {
    let now = Instant::now();
    let mut progress = holding(now);
    let (one, two) = (Revision::new(1), Revision::new(2));
    assert_eq!(progress.heartbeat(other(7), now), Verdict::Old, "it serves what it has");
    assert_eq!(progress.next(one, now + 2 * OFFER), None, "the same again helps nobody");
    assert_eq!((progress.wake_at(one), progress.wake_at(two)), (None, Some(now + OFFER)));
    assert_eq!(progress.next(two, now), None, "not each one");
    assert_eq!(progress.next(two, now + OFFER), Some(Base::Nothing { at_least: two }));
    assert_eq!(progress.wake_at(Revision::new(3)), None);
    progress.sent(at(2));
    assert_eq!(progress.acknowledged(at(2), true, now).unwrap(), Verdict::Good);
    assert_eq!(progress.next(Revision::new(3), now), Some(Base::Revision(two)), "and then as everybody");
}

#[test]
fn an_admins_word_sends_a_snapshot_at_once_and_once() {
    let now = Instant::now();
    let mut progress = holding(now);
    progress.accept(Revision::new(1));
    let accepted = Base::Accepted { at_least: Revision::new(1) };
    assert_eq!(progress.next(Revision::new(1), now), Some(accepted));
    progress.sent(at(1));
    // An edge that holds it back all the same is not sent it for ever.
    assert_eq!(progress.held_back(Revision::new(1), true, now).unwrap(), Verdict::Good);
    assert_eq!(progress.next(Revision::new(1), now + 2 * OFFER), None);

    // A word that comes while another offer is under way counts behind it.
    assert!(progress.next(Revision::new(2), now + OFFER).is_some());
    progress.accept(Revision::new(1));
    assert_eq!(progress.next(Revision::new(2), now + OFFER), None);
    progress.sent(at(2));
    assert_eq!(progress.held_back(Revision::new(2), true, now).unwrap(), Verdict::Good);
    assert_eq!(progress.next(Revision::new(2), now), Some(accepted));
}

#[test]
fn only_what_was_sent_can_be_held_back() {
    let now = Instant::now();
    let mut progress = holding(now);
    assert!(matches!(progress.held_back(Revision::new(2), false, now), Err(MessageError::NeverSent(_))));
    assert_eq!(progress.held_back(Revision::new(0), false, now).unwrap(), Verdict::Old);
    let mut fine = greeted(now);
    assert_eq!(fine.held_back(Revision::new(1), false, now).unwrap(), Verdict::Old, "it was acknowledged");
    fine.accept(Revision::new(1));
    assert_eq!(fine.next(Revision::new(1), now), None, "nothing is held back");
}
