//! Bounds in time on what is usually done at once, or long before.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

use tokio::time::{Instant as Deadline, Sleep, error::Elapsed, timeout};

/// As [`timeout`], but looks at the clock and sets a timer only where `future` is not ready at once.
pub(crate) async fn within<F: Future>(
    limit: Duration,
    mut future: Pin<&mut F>,
) -> Result<F::Output, Elapsed> {
    match poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => timeout(limit, future).await,
    }
}

/// Waits until `deadline` is past. The timer of a connection is only set anew where it went off too early: it would be so
/// for each request otherwise, of which many come before it goes off. May be dropped and called again.
pub(crate) async fn passed(mut timer: Pin<&mut Sleep>, deadline: Deadline) {
    if timer.deadline() > deadline {
        timer.as_mut().reset(deadline);
    }
    loop {
        timer.as_mut().await;
        if timer.deadline() >= deadline {
            return;
        }
        timer.as_mut().reset(deadline);
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, pin::pin};

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_needs_no_time_and_what_is_not_is_waited_for() {
        const LIMIT: Duration = Duration::from_secs(5);
        assert_eq!(within(Duration::ZERO, pin!(async { 1 })).await, Ok(1));
        let soon = async {
            tokio::time::sleep(LIMIT / 2).await;
            2
        };
        assert_eq!(within(LIMIT, pin!(soon)).await, Ok(2));
        assert!(within(LIMIT, pin!(pending::<()>())).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn one_timer_serves_deadlines_before_and_after_it() {
        const SECOND: Duration = Duration::from_secs(1);
        let started = Deadline::now();
        let mut timer = pin!(sleep(5 * SECOND));
        for seconds in [2, 9, 9, 4, 12] {
            let deadline = started + seconds * SECOND;
            let now = Deadline::now();
            passed(timer.as_mut(), deadline).await;
            assert_eq!(Deadline::now(), now.max(deadline), "{seconds} s");
        }
    }
}
