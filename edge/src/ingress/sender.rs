//! The one who sent a webhook: its body within the limits, and whether it still waits.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use pointsman_routing::outcome::{Outcome, Refusal};
use tokio::time::{Instant, error::Elapsed, timeout_at};

use super::{
    bounds::Account,
    exchange::{Exchange, ONE_MORE, ReadError},
};
use crate::forward::{Source, SourceError};

/// Memory that is reserved for a body of announced length before any of it is there.
const FIRST_BYTES: usize = 128 * 1024;

/// An exchange, and what bounds its request.
pub(super) struct Sender {
    pub(super) exchange: Exchange,
    account: Account,
    limit: usize,
    received: usize,
    deadline: Instant,
    within: Duration,
}

impl Sender {
    /// `started` is when the first byte of the request came, and `within` how long the whole of it may take.
    pub(super) fn new(
        exchange: Exchange,
        account: Account,
        limit: usize,
        started: std::time::Instant,
        within: Duration,
    ) -> Self {
        Self { exchange, account, limit, received: 0, deadline: Instant::from_std(started) + within, within }
    }

    /// The exchange, for the answer, and what the request still has of the memory for bodies.
    pub(super) fn into_parts(self) -> (Exchange, Account) {
        (self.exchange, self.account)
    }

    /// Bytes of the body so far.
    pub(super) fn received(&self) -> u64 {
        self.received as u64
    }

    /// Reads the whole body into memory.
    pub(super) async fn read_to_end(&mut self, announced: Option<u64>) -> Result<Bytes, SourceError> {
        let Some(first) = self.next_accounted().await? else { return Ok(Bytes::new()) };
        // Often the first bytes are all.
        if announced == Some(first.len() as u64) || self.exchange.body_is_over() {
            return Ok(first);
        }
        let announced = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
        let mut body = BytesMut::with_capacity(announced.min(FIRST_BYTES).max(first.len()) + ONE_MORE);
        body.extend_from_slice(&first);
        loop {
            let more = timeout_at(self.deadline, self.exchange.read_to(&mut body)).await;
            let more = self.judged(more)?;
            if more == 0 {
                return Ok(body.freeze());
            }
            self.count(more)?;
            self.charge(more)?;
        }
    }

    async fn next_accounted(&mut self) -> Result<Option<Bytes>, SourceError> {
        let next = self.next().await?;
        if let Some(bytes) = &next {
            self.charge(bytes.len())?;
        }
        Ok(next)
    }

    fn judged<T>(&self, read: Result<Result<T, ReadError>, Elapsed>) -> Result<T, SourceError> {
        let refused = |outcome, detail: String| Err(SourceError::Refused(Refusal::new(outcome, detail)));
        match read {
            Ok(Ok(read)) => Ok(read),
            Ok(Err(ReadError::Left)) => Err(SourceError::GaveUp),
            Ok(Err(ReadError::Malformed)) => {
                refused(Outcome::BadRequest, "the chunks of the body are malformed".to_owned())
            }
            Err(_) => {
                refused(Outcome::RequestTimeout, format!("the body did not arrive within {:?}", self.within))
            }
        }
    }

    fn count(&mut self, bytes: usize) -> Result<(), SourceError> {
        self.received = self.received.saturating_add(bytes);
        if self.received > self.limit {
            return Err(SourceError::Refused(too_large(self.limit)));
        }
        Ok(())
    }

    fn charge(&mut self, bytes: usize) -> Result<(), SourceError> {
        if self.account.take(bytes) {
            return Ok(());
        }
        let detail = "there is no memory left for bodies";
        Err(SourceError::Refused(Refusal::new(Outcome::Overloaded, detail)))
    }
}

/// The refusal of a body over the limit.
pub(super) fn too_large(limit: usize) -> Refusal {
    Refusal::new(Outcome::BodyTooLarge, format!("the body is larger than {limit} bytes"))
}

impl Source for Sender {
    async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        let read = timeout_at(self.deadline, self.exchange.read()).await;
        let next = self.judged(read)?;
        if let Some(bytes) = &next {
            self.count(bytes.len())?;
        }
        Ok(next)
    }

    async fn abandoned(&mut self) {
        self.exchange.left().await;
    }

    fn may_hold(&mut self, bytes: usize) -> bool {
        self.account.take(bytes)
    }
}
