//! Bounds in time on what is usually done at once.

use std::{future::poll_fn, pin::Pin, task::Poll, time::Duration};

use tokio::time::{error::Elapsed, timeout};

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

#[cfg(test)]
mod tests {
    use std::{future::pending, pin::pin};

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
}
