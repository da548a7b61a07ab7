use std::time::UNIX_EPOCH;

use super::*;
use crate::{publisher::Settings, testkit::Plane};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn call(digest: u8, answer: &str) -> Remembered {
    Remembered { digest: [digest; 32], answer: answer.as_bytes().to_vec() }
}

#[tokio::test]
async fn an_answer_is_kept_for_a_day_and_its_id_is_free_again_then() {
    let plane = Plane::new(Settings::default());
    let start = UNIX_EPOCH + 1_000 * HOUR;
    let (first, second) = (call(1, "first"), call(2, "second"));
    plane
        .write(move |tx| {
            assert!(tx.remember("ci", "id", start, &first).unwrap().is_enough());
            assert_eq!(tx.recall("ci", "id", start).unwrap(), Some(first.clone()));
            assert_eq!(tx.recall("", "id", start).unwrap(), None, "another caller");
            assert_eq!(tx.recall("ci", "ID", start).unwrap(), None, "another id");
            let almost = start + KEPT_FOR - Duration::from_micros(1);
            assert_eq!(tx.recall("ci", "id", almost).unwrap(), Some(first));
            let over = start + KEPT_FOR;
            assert_eq!(tx.recall("ci", "id", over).unwrap(), None);
            assert!(tx.remember("ci", "id", over, &second).unwrap().is_enough());
            assert_eq!(tx.recall("ci", "id", over).unwrap(), Some(second));
        })
        .await;
}

#[tokio::test]
async fn each_caller_has_bounded_room_that_comes_back_with_time() {
    let plane = Plane::new(Settings::default());
    let room = Room { calls: 3, answer_bytes: 10 };
    let start = UNIX_EPOCH + 1_000 * HOUR;
    plane
        .write(move |tx| {
            let mut remember = |caller: &str, id: &str, at, answer: &str| {
                let left = tx.remember_within(room, caller, id, at, &call(1, answer)).unwrap();
                let kept = tx.recall(caller, id, at).unwrap().is_some();
                assert_eq!(kept, left.is_enough(), "{caller} {id}");
                kept
            };
            for id in ["1", "2", "3"] {
                assert!(remember("ci", id, start, "abc"));
            }
            assert!(!remember("ci", "4", start, ""), "one call too many");
            assert!(remember("other", "1", start, "abcdefghij"), "others have their own");
            assert!(!remember("other", "2", start, "k"), "one byte too many");
            let later = start + KEPT_FOR;
            assert!(remember("ci", "4", later, ""));
            assert!(remember("other", "1", later, "abcdefghij"));
        })
        .await;
}

#[tokio::test]
async fn what_is_over_goes_in_bounded_steps() {
    let plane = Plane::new(Settings::default());
    let start = UNIX_EPOCH + 1_000 * HOUR;
    let later = start + KEPT_FOR;
    let count = |tx: &WriteTransaction<'_>| -> (i64, i64) {
        let sql = "SELECT (SELECT count(*) FROM requests), (SELECT total(calls) FROM request_totals)";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, f64>(1)? as i64));
        tx.connection().query_row(sql, [], read).unwrap()
    };
    plane
        .write(move |tx| {
            for id in 0..FORGOTTEN_AT_ONCE * 2 + 10 {
                tx.remember("ci", &id.to_string(), start, &call(1, "abc")).unwrap();
            }
            tx.remember("ci", "a", later, &call(1, "abc")).unwrap();
            assert_eq!(count(tx), (FORGOTTEN_AT_ONCE + 11, FORGOTTEN_AT_ONCE + 11));
            tx.remember("ci", "b", later, &call(1, "abc")).unwrap();
            tx.remember("ci", "c", later, &call(1, "abc")).unwrap();
            assert_eq!(count(tx), (3, 3));
        })
        .await;
}
