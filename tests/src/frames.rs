//! HTTP/2 frame by frame, for senders that break its rules.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::wire::Wire;

/// The kinds of frames, as RFC 9113 numbers them.
#[expect(missing_docs, reason = "the names are the RFC's")]
pub mod kind {
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const PRIORITY: u8 = 2;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// The last frame of a stream's side.
pub const END_STREAM: u8 = 1;
/// An answer to `SETTINGS` or `PING`.
pub const ACK: u8 = 1;
/// The last frame of a header block.
pub const END_HEADERS: u8 = 4;

/// A frame from the edge.
#[derive(Clone, Debug)]
pub struct Frame {
    /// One of [`kind`].
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 is the connection.
    pub stream: u32,
    /// What it holds.
    pub payload: Bytes,
}

impl Frame {
    /// The status, where this begins an answer with one that HPACK has an index for; 0 for any other.
    #[must_use]
    pub fn status(&self) -> u16 {
        // The edge's encoder may first change the size of its table.
        let first = self.payload.iter().find(|byte| **byte & 0xe0 != 0x20);
        match first {
            Some(index @ 0x88..=0x8e) => [200, 204, 206, 304, 400, 404, 500][usize::from(index - 0x88)],
            _ => 0,
        }
    }

    /// The error code of `RST_STREAM` and `GOAWAY`.
    #[must_use]
    pub fn error(&self) -> u32 {
        let at = if self.kind == kind::GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().expect("four bytes"))
    }
}

/// A frame's bytes.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A header block, each field literal and as it is.
#[must_use]
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        string(&mut block, name);
        string(&mut block, value);
    }
    block
}

/// A string of HPACK, not Huffman-coded.
pub fn string(block: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    if length < 127 {
        block.push(u8::try_from(length).expect("a short string"));
    } else {
        block.push(127);
        length -= 127;
        while length >= 128 {
            block.push(u8::try_from(length % 128).expect("seven bits") | 0x80);
            length /= 128;
        }
        block.push(u8::try_from(length).expect("seven bits"));
    }
    block.extend(text.as_bytes());
}

/// A connection to the edge that has said the preface and these settings.
pub async fn connect(addr: SocketAddr, settings: &[(u16, u32)]) -> Wire {
    let mut wire = Wire::connect(addr).await;
    let mut payload = Vec::new();
    for (id, value) in settings {
        payload.extend(id.to_be_bytes());
        payload.extend(value.to_be_bytes());
    }
    wire.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    wire.write(frame(kind::SETTINGS, 0, 0, &payload)).await;
    wire
}

/// The next frame; none where the connection ends.
pub async fn next(wire: &mut Wire) -> Option<Frame> {
    let head = wire.bytes(9).await;
    if head.len() < 9 {
        return None;
    }
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    let payload = wire.bytes(length).await;
    (payload.len() == length).then_some(Frame { kind: head[3], flags: head[4], stream, payload })
}

/// The next frame that tells how a stream fares: the head of its answer, its reset, or the end of the connection.
pub async fn verdict(wire: &mut Wire, stream: u32) -> Option<Frame> {
    loop {
        let frame = next(wire).await?;
        match frame.kind {
            kind::GOAWAY if frame.error() != 0 => return Some(frame),
            kind::HEADERS | kind::RST_STREAM if frame.stream == stream => return Some(frame),
            _ => {}
        }
    }
}
