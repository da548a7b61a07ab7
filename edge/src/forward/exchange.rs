//! One request and the head of its answer on one connection, side by side.

use std::{pin::pin, time::Duration};

use tokio::time::{Instant, sleep};

use super::{
    ForwardError, Source, SourceError,
    link::{Reader, Writer},
    response::{Early, Response},
    upload::{Step, Upload},
};

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
        (mut reader, mut writer): (Reader, Option<Writer>),
        upload: &mut Upload,
        source: &mut impl Source,
    ) -> Result<Response, ForwardError> {
        let mut early: Option<Early> = None;
        let mut deadline = pin!(sleep(self.head_timeout));
        loop {
            if let Some(answer) = early.take_if(|early| upload.is_over() || early.is_complete()) {
                return Ok(answer.into_response(reader, self.idle_timeout));
            }
            if upload.is_over() {
                tokio::select! {
                    // An answer that is there is worth more than whether anybody still waits for it.
                    biased;
                    read = Early::read(&mut reader, false, self.is_head) => {
                        Early::advance(&mut early, read?, self.is_head, source);
                    }
                    () = source.abandoned() => return Err(ForwardError::Source(SourceError::GaveUp)),
                    () = &mut deadline => return Err(ForwardError::Timeout(self.head_timeout)),
                }
                continue;
            }
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
                    deadline.as_mut().reset(Instant::now() + self.head_timeout);
                }
                read = Early::read(&mut reader, early.is_some(), self.is_head),
                    if early.as_ref().is_none_or(Early::wants_more) =>
                {
                    Early::advance(&mut early, read?, self.is_head, source);
                }
            }
        }
    }
}
