//! What goes back to the sender: a problem of ours, or a flow's answer as it arrives.

use pointsman_routing::outcome::Refusal;

use super::{
    exchange::{ClientGone, Exchange, Finished},
    visit::Forwarded,
};
use crate::{
    access::{Ending, Line},
    forward::{Response, ResponseLength},
    rejection,
};

/// Answers with a problem.
pub(super) async fn refuse(refusal: &Refusal, exchange: Exchange, line: &mut Line<'_>) -> Option<Finished> {
    line.refused(refusal);
    let (head, body) = rejection::answer(refusal, line.record.execution_id);
    let status = head.status;
    let close = rejection::closes(refusal.outcome);
    let written = async {
        let mut answer = exchange.answer(head, ResponseLength::Known, close).await?;
        answer.write(body).await?;
        answer.finish().await
    };
    let finished: Result<_, ClientGone> = written.await;
    let finished = finished.ok()?;
    line.record.status = Some(status);
    finished
}

/// Passes a flow's answer on.
pub(super) async fn stream_back(
    forwarded: Forwarded,
    exchange: Exchange,
    line: &mut Line<'_>,
) -> Option<Finished> {
    let Forwarded { response, place: _place } = forwarded;
    line.record.status = Some(response.head.status);
    let ended = pass_on(response, exchange, line).await;
    line.record.stages.response = Some(line.lap());
    match ended {
        Ok(finished) => finished,
        Err(ClientGone) => {
            line.record.ending = Ending::ClientClosed;
            None
        }
    }
}

async fn pass_on(
    response: Response,
    exchange: Exchange,
    line: &mut Line<'_>,
) -> Result<Option<Finished>, ClientGone> {
    let Response { mut head, length, mut body } = response;
    head.put(rejection::EXECUTION_ID, line.record.execution_id.as_bytes());
    let mut answer = exchange.answer(head, length, false).await?;
    loop {
        // What is there goes out together; only where nothing more is there yet, it goes out at once. The endpoint may
        // then have nothing to say for long.
        let next = tokio::select! {
            biased;
            next = body.next() => next,
            gone = answer.flush_and_watch() => return Err(gone),
        };
        match next {
            Ok(Some(bytes)) => {
                line.record.bytes_out += bytes.len() as u64;
                answer.write(bytes).await?;
            }
            Ok(None) => {
                line.record.ending = Ending::Forwarded;
                return answer.finish().await;
            }
            Err(cut) => {
                line.record.ending = Ending::UpstreamAborted;
                line.record.reason = Some(cut.to_string());
                answer.cut();
                return Ok(None);
            }
        }
    }
}
