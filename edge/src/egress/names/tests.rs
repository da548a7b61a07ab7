use std::{
    collections::VecDeque,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::*;

/// Answers what it was told to, in order, and fails after that.
#[derive(Default)]
struct Scripted {
    answers: Mutex<VecDeque<Result<Answer, LookupError>>>,
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl Lookup for Scripted {
    async fn lookup(&self, _host: &str) -> Result<Answer, LookupError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        locked(&self.answers).pop_front().unwrap_or_else(fails)
    }
}

fn scripted(answers: impl IntoIterator<Item = Result<Answer, LookupError>>) -> (Names, Arc<AtomicUsize>) {
    let asked = Arc::default();
    let answers = Mutex::new(answers.into_iter().collect());
    (Names::new(Scripted { answers, asked: Arc::clone(&asked) }), asked)
}

fn answer(ip: &str, ttl_seconds: u64) -> Result<Answer, LookupError> {
    Ok(Answer { addresses: vec![ip.parse().unwrap()], ttl: Duration::from_secs(ttl_seconds) })
}

fn fails() -> Result<Answer, LookupError> {
    Err(LookupError("down".into()))
}

/// A clock that tests set, in seconds.
struct Clock(Instant);

impl Clock {
    async fn resolve(&self, names: &Names, after_seconds: u64) -> Result<String, EgressError> {
        let now = self.0 + Duration::from_secs(after_seconds);
        names.resolve_at("flows.example", || now).await.map(|ips| ips[0].to_string())
    }
}

#[tokio::test]
async fn an_answer_counts_for_its_time_to_live() {
    let (names, asked) = scripted([answer("10.0.0.1", 30), answer("10.0.0.2", 30)]);
    let clock = Clock(Instant::now());
    assert_eq!(clock.resolve(&names, 0).await.unwrap(), "10.0.0.1");
    assert_eq!(clock.resolve(&names, 29).await.unwrap(), "10.0.0.1");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    assert_eq!(clock.resolve(&names, 30).await.unwrap(), "10.0.0.2");
}

#[tokio::test]
async fn times_to_live_have_bounds() {
    let (names, asked) =
        scripted([answer("10.0.0.1", 0), answer("10.0.0.2", u64::MAX), answer("10.0.0.3", 1)]);
    let clock = Clock(Instant::now());
    assert_eq!(clock.resolve(&names, 0).await.unwrap(), "10.0.0.1");
    assert_eq!(clock.resolve(&names, 0).await.unwrap(), "10.0.0.1", "zero would ask for each request");
    assert_eq!(clock.resolve(&names, 1).await.unwrap(), "10.0.0.2");
    assert_eq!(clock.resolve(&names, 300).await.unwrap(), "10.0.0.2");
    assert_eq!(clock.resolve(&names, 302).await.unwrap(), "10.0.0.3");
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_old_answer_stands_in_while_the_name_servers_fail() {
    let (names, asked) = scripted([answer("10.0.0.1", 5), fails(), fails(), answer("10.0.0.2", 5)]);
    let clock = Clock(Instant::now());
    for (after_seconds, expected, times_asked) in [
        (0, "10.0.0.1", 1),
        (5, "10.0.0.1", 2),
        // Right after a failure nobody is asked.
        (5, "10.0.0.1", 2),
        (6, "10.0.0.1", 3),
        (7, "10.0.0.2", 4),
    ] {
        assert_eq!(clock.resolve(&names, after_seconds).await.unwrap(), expected, "{after_seconds} s");
        assert_eq!(asked.load(Ordering::SeqCst), times_asked, "{after_seconds} s");
    }
    let day_later = 7 + 24 * 60 * 60;
    let error = clock.resolve(&names, day_later).await.unwrap_err();
    assert_eq!(error.label(), "unresolved", "not for ever");
}

#[tokio::test]
async fn a_name_that_is_gone_is_gone() {
    let gone = Ok(Answer { addresses: Vec::new(), ttl: Duration::from_secs(2) });
    let (names, asked) = scripted([answer("10.0.0.1", 5), gone, answer("10.0.0.2", 5)]);
    let clock = Clock(Instant::now());
    assert_eq!(clock.resolve(&names, 0).await.unwrap(), "10.0.0.1");
    for _ in 0..2 {
        assert_eq!(clock.resolve(&names, 5).await.unwrap_err().label(), "no_address");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2, "that there is none is remembered too");
    assert_eq!(clock.resolve(&names, 7).await.unwrap(), "10.0.0.2");
}

#[tokio::test]
async fn callers_of_one_name_ask_once() {
    let (names, asked) = scripted([answer("10.0.0.1", 30)]);
    let found = futures::future::join_all((0..50).map(|_| names.resolve("flows.example"))).await;
    assert!(found.iter().all(Result::is_ok), "{found:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn no_more_than_so_many_names_are_remembered() {
    let (names, _) = scripted([]);
    for n in 0..MAX_NAMES + 10 {
        let _ = names.resolve(&format!("{n}.example")).await;
    }
    assert_eq!(locked(&names.slots).len(), MAX_NAMES);
}
