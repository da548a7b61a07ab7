//! One request and the head of its answer on one connection, side by side.

use std::time::Duration;

use tokio::time::Instant as Deadline;

use super::{
    ForwardError, Source, SourceError,
    link::Link,
    response::{Early, Response},
    upload::{Step, Upload},
};
use crate::within::passed;

/// What bounds an exchange.
pub(super) struct Exchange {
    /// Whether the method is HEAD, whose answers have no body.
    pub(super) is_head: bool,
    /// From the end of the request to the head of the answer, and for each write of the request.
    pub(super) head_timeout: Duration,
    /// Between two bytes of the answer.
    pub(super) idle_timeout: Duration,
}

impl Exchange {
    /// Ends with an answer once the request is written, or the endpoint wants no more of it. What comes of the answer
    /// before that is held, so that neither side waits for the other.
    pub(super) async fn run(
        &self,
        link: Link,
        upload: &mut Upload,
        source: &mut impl Source,
    ) -> Result<Response, ForwardError> {
        let Link { mut reader, mut writer, mut home } = link;
        let mut early: Option<Early> = None;
        while !upload.is_over() && !early.as_ref().is_some_and(Early::is_complete) {
            tokio::select! {
                // A request that can be finished is finished, so that its connection can be used again.
                biased;
                step = upload.step(&mut writer, source, self.head_timeout) => {
                    match step.map_err(ForwardError::Source)? {
                        Step::Progress => {}
                        // The answer, if there is one, has come or will come.
                        Step::Refused => {}
                        Step::Stalled if early.is_none() => return Err(ForwardError::Timeout(self.head_timeout)),
                        Step::Stalled => upload.give_up(),
                        Step::Complete => {
                            if let Some(writer) = writer.take() {
                                reader.request_is_written(writer);
                            }
                        }
                    }
                }
                read = Early::read(&mut reader, early.is_some(), self.is_head),
                    if early.as_ref().is_none_or(Early::wants_more) =>
                {
                    Early::advance(&mut early, read?, self.is_head, source);
                }
            }
        }
        if let Some(early) = early {
            return Ok(early.into_response(reader, home, self.idle_timeout));
        }
        let deadline = Deadline::now() + self.head_timeout;
        let head = tokio::select! {
            // An answer that is here is worth more than whether anybody still waits for it.
            biased;
            head = reader.head(self.is_head) => head?,
            () = source.abandoned() => return Err(ForwardError::Source(SourceError::GaveUp)),
            () = passed(home.timer.as_mut(), deadline) => return Err(ForwardError::Timeout(self.head_timeout)),
        };
        Ok(Early::new(head, self.is_head).into_response(reader, home, self.idle_timeout))
    }
}
