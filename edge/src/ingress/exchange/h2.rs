//! HTTP/2: one stream of a connection.

use std::future::poll_fn;

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream, server::SendResponse};
use http::{Method, Response};
use tokio::time::timeout;

use super::{ClientGone, ReadError, WRITE_STALL};
use crate::{answer::AnswerHead, forward::ResponseLength};

/// A request whose head is read.
pub(in crate::ingress) struct Http2 {
    body: RecvStream,
    respond: SendResponse<Bytes>,
    is_head: bool,
}

impl Http2 {
    pub(in crate::ingress) fn new(method: &Method, body: RecvStream, respond: SendResponse<Bytes>) -> Self {
        Self { body, respond, is_head: method == Method::HEAD }
    }

    pub(super) fn body_is_over(&self) -> bool {
        self.body.is_end_stream()
    }

    pub(super) async fn read(&mut self) -> Result<Option<Bytes>, ReadError> {
        match self.body.data().await {
            Some(Ok(bytes)) => {
                // It fails where the stream is gone, which the next read says.
                let _ = self.body.flow_control().release_capacity(bytes.len());
                Ok(Some(bytes))
            }
            Some(Err(_)) => Err(ReadError::Left),
            None => Ok(None),
        }
    }

    pub(super) async fn left(&mut self) {
        // Whether the stream is reset or its connection lost, nobody waits any more.
        let _ = poll_fn(|cx| self.respond.poll_reset(cx)).await;
    }

    pub(super) fn answer(
        mut self,
        head: &AnswerHead,
        length: ResponseLength,
    ) -> Result<Http2Answer, ClientGone> {
        let is_whole = length == ResponseLength::None || self.is_head;
        let mut response = Response::new(());
        *response.status_mut() = head.status;
        *response.headers_mut() = head.to_map();
        let stream = self.respond.send_response(response, is_whole).map_err(|_| ClientGone)?;
        Ok(Http2Answer { stream, is_whole, _request: self.body })
    }
}

/// An answer that is being written.
pub(in crate::ingress) struct Http2Answer {
    stream: SendStream<Bytes>,
    is_whole: bool,
    /// Dropped with the answer, which tells a client that is still sending to stop.
    _request: RecvStream,
}

impl Http2Answer {
    pub(super) async fn write(&mut self, mut bytes: Bytes) -> Result<(), ClientGone> {
        if self.is_whole {
            return Ok(());
        }
        while !bytes.is_empty() {
            self.stream.reserve_capacity(bytes.len());
            let capacity = timeout(WRITE_STALL, poll_fn(|cx| self.stream.poll_capacity(cx))).await;
            let Ok(Some(Ok(capacity))) = capacity else { return Err(ClientGone) };
            let part = bytes.split_to(capacity.min(bytes.len()));
            self.stream.send_data(part, false).map_err(|_| ClientGone)?;
        }
        Ok(())
    }

    pub(super) async fn left(&mut self) {
        // Whether the stream is reset or its connection lost, nobody waits any more.
        let _ = poll_fn(|cx| self.stream.poll_reset(cx)).await;
    }

    pub(super) fn finish(&mut self) -> Result<(), ClientGone> {
        if self.is_whole {
            return Ok(());
        }
        self.stream.send_data(Bytes::new(), true).map_err(|_| ClientGone)
    }

    pub(super) fn cut(mut self) {
        self.stream.send_reset(Reason::INTERNAL_ERROR);
    }
}
